/// Decides which orders get their shoes: pure arithmetic over what is on hand.
///
/// An order gets every line or none. Orders are served in the order of asking, so the last pair goes to the first.
struct Shelf {
    private var onHand: [SKU: Int]
    /// What the granted orders take together, per article.
    private(set) var reserved: [SKU: Int] = [:]

    init(onHand: [SKU: Int]) { self.onHand = onHand }

    enum Decision: Hashable {
        case granted
        case refused(shortages: [Shortage])
    }

    struct Shortage: Hashable, CustomStringConvertible {
        let sku: SKU
        let wanted: Int
        let left: Int
        var description: String { "\(sku) (\(wanted) wanted, \(left) left)" }
    }

    mutating func reserve(_ lines: [PricedLine]) -> Decision {
        let wanted = lines.reduce(into: [SKU: Int]()) { $0[$1.sku, default: 0] += $1.quantity }
        let shortages = wanted.compactMap { sku, quantity in
            let left = onHand[sku, default: 0]
            return left < quantity ? Shortage(sku: sku, wanted: quantity, left: left) : nil
        }
        guard shortages.isEmpty else { return .refused(shortages: shortages.sorted { $0.sku < $1.sku }) }
        for (sku, quantity) in wanted {
            onHand[sku, default: 0] -= quantity
            reserved[sku, default: 0] += quantity
        }
        return .granted
    }
}
