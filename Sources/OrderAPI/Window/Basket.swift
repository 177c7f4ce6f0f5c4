import HTTPTypes
import Hummingbird
import ShoeShop

/// What somebody means to buy: a cookie, so that it is wherever its browser is.
struct Basket: Equatable {
    private(set) var lines: [OrderLine] = []

    private static let mostLines = 50
    private static let mostPairs = 20
    private static let name = "basket"
    private static let attributes = "Path=/; HttpOnly; SameSite=Lax"

    init(lines: [OrderLine] = []) {
        for line in lines { set(line.sku, to: line.quantity) }
    }

    /// What can't be read in it is not there.
    init(of request: Request) {
        let cookies = request.headers[values: .cookie].flatMap { $0.split(separator: ";") }
        let pairs = cookies.map { $0.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } } }
        let text = pairs.first { $0.count == 2 && $0[0] == Self.name }?[1] ?? ""
        self.init(lines: text.split(separator: "~").prefix(Self.mostLines).compactMap { Self.line(String($0)) })
    }

    /// An article and its number, as `RUNNER-42-TAN:2`.
    static func line(_ text: String) -> OrderLine? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let quantity = Int(parts[1]), SKU(parts[0]).isWellFormed else { return nil }
        return OrderLine(sku: SKU(parts[0]), quantity: quantity)
    }

    static func text(of line: OrderLine) -> String { "\(line.sku.code):\(line.quantity)" }

    mutating func add(_ sku: SKU, _ quantity: Int) {
        set(sku, to: (lines.first { $0.sku == sku }?.quantity ?? 0) + min(quantity, Self.mostPairs))
    }

    /// None of it when there are fewer than one, and never more than one order may have.
    mutating func set(_ sku: SKU, to quantity: Int) {
        let index = lines.firstIndex { $0.sku == sku }
        guard quantity > 0 else {
            if let index { lines.remove(at: index) }
            return
        }
        let line = OrderLine(sku: sku, quantity: min(quantity, Self.mostPairs))
        if let index {
            lines[index] = line
        } else if lines.count < Self.mostLines {
            lines.append(line)
        }
    }

    /// What was ordered is no longer meant to be bought; what has come in since still is.
    func without(_ ordered: Basket) -> Basket {
        var rest = self
        for line in ordered.lines {
            let all = lines.first { $0.sku == line.sku }?.quantity ?? 0
            rest.set(line.sku, to: all - line.quantity)
        }
        return rest
    }

    /// Takes an empty one out of its browser.
    var cookie: String {
        if lines.isEmpty { return "\(Self.name)=; Max-Age=0; \(Self.attributes)" }
        let text = lines.map(Self.text).joined(separator: "~")
        return "\(Self.name)=\(text); Max-Age=2592000; \(Self.attributes)"
    }
}
