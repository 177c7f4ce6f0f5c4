public import Postgres

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
public actor StockHints {
    private struct Answer {
        let hints: [SKU: StockHint]
        /// When it was asked for.
        let at: ContinuousClock.Instant
    }

    private let database: Database
    private var known: Answer?
    private var pending: Task<Answer, any Error>?

    private static let age = Duration.seconds(1)
    private static let limit = Duration.seconds(2)

    public init(_ database: Database) { self.database = database }

    /// By article code. Whoever comes while the stock step is being asked waits for that answer.
    public func current() async throws -> [SKU: StockHint] {
        if let known, .now - known.at < Self.age { return known.hints }
        if let pending { return try await pending.value.hints }
        // Awaited here, and by whoever comes meanwhile: a shopper who goes away takes it from nobody else.
        let question = Task { try await ask() }
        pending = question
        defer { pending = nil }
        let answer = try await question.value
        known = answer
        return answer.hints
    }

    private func ask() async throws -> Answer {
        let now = ContinuousClock.now
        let rows: [(SKU, Int)] = try await database.read(Self.onHand, within: Self.limit) { (try $0[0], try $0[1]) }
        return Answer(hints: Dictionary(uniqueKeysWithValues: rows.map { ($0, StockHint(onHand: $1)) }), at: now)
    }

    private static let onHand: Statement = "SELECT sku, on_hand FROM stock.items"
}
