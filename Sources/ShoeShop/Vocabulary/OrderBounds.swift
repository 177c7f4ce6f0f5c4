/// What a message or a row may say of an order: far more than a customer may ask for, see ``OrderLimits``, and so little
/// that sums of it fit into any number.
enum OrderBounds {
    static let lines = 0...1_000
    /// Of pairs in one line; `orders.order_lines` checks it too.
    static let quantity = 1...1_000
    /// Of a pair, in cents: up to a million euros; `orders.products` and `orders.order_lines` check it too.
    static let price = 0...100_000_000
    /// In cents: the most that an order of so many lines can cost.
    static let amount = 0...100_000_000_000_000
}

extension KeyedDecodingContainer {
    func decode(_ key: Key, within bounds: ClosedRange<Int>) throws -> Int {
        let number = try decode(Int.self, forKey: key)
        try require(bounds.contains(number), key, "\(number) is not from \(bounds.lowerBound) to \(bounds.upperBound)")
        return number
    }

    func decodeLines<Line: Decodable>(_ key: Key) throws -> [Line] {
        let lines = try decode([Line].self, forKey: key)
        try require(
            OrderBounds.lines.contains(lines.count), key, "more than \(OrderBounds.lines.upperBound) lines")
        return lines
    }

    private func require(_ holds: Bool, _ key: Key, _ problem: String) throws {
        guard holds else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: problem)
        }
    }
}
