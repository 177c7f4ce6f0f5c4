public import Postgres
import Synchronization

/// How well an article is stocked, as shoppers are told.
public enum StockHint: Hashable, Sendable {
    case inStock
    /// So many pairs are left.
    case few(Int)
    case soldOut

    /// From so many pairs on nobody is told how many there are.
    static let plenty = 10

    init(onHand: Int) {
        self =
            switch onHand {
            case ..<1: .soldOut
            case ..<Self.plenty: .few(onHand)
            default: .inStock
            }
    }

    public var text: String {
        switch self {
        case .inStock: "in stock"
        case .few(let count): count == 1 ? "the last pair" : "only \(count) left"
        case .soldOut: "sold out"
        }
    }
}

/// What shoppers are told of the shelf: the stock step's own answer, a second old at the most, and read once for all who ask.
///
/// A hint promises nothing: whether an order can be served is decided when its stock is reserved.
public final class StockHints: Sendable {
    private struct Answer {
        let hints: [SKU: StockHint]
        let at: ContinuousClock.Instant
    }

    private let database: Database
    private let answer = Mutex<Answer?>(nil)

    private static let age = Duration.seconds(1)
    private static let limit = Duration.seconds(2)

    public init(_ database: Database) { self.database = database }

    /// By article code.
    public func current() async throws -> [SKU: StockHint] {
        if let known = answer.withLock({ $0 }), .now - known.at < Self.age { return known.hints }
        let rows: [(SKU, Int)] = try await database.read(Self.onHand, within: Self.limit) { (try $0[0], try $0[1]) }
        let hints = Dictionary(uniqueKeysWithValues: rows.map { ($0, StockHint(onHand: $1)) })
        answer.withLock { $0 = Answer(hints: hints, at: .now) }
        return hints
    }

    private static let onHand: Statement = "SELECT sku, on_hand FROM stock.items"
}
