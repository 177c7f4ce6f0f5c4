/// What went in, held against what came out, as multisets (Jepsen calls it the total-queue check).
public struct QueueCheck<Element: Hashable & Sendable>: Sendable, Equatable, CustomStringConvertible {
    public let attempted, acknowledged, handled: Int
    /// Acknowledged, and never handled.
    public let lost: Int
    /// Handled, and never sent.
    public let unexpected: Int
    /// Handled more often than sent.
    public let duplicated: Int
    /// Handled although the sender was never told that it is stored.
    public let recovered: Int
    /// Those that are lost or unexpected.
    public let faults: Set<Element>

    public init(attempted: [Element], acknowledged: [Element], handled: [Element]) {
        let (sent, stored, done) = (Self.counts(attempted), Self.counts(acknowledged), Self.counts(handled))
        self.attempted = attempted.count
        self.acknowledged = acknowledged.count
        self.handled = handled.count
        lost = stored.reduce(0) { $0 + max(0, $1.value - done[$1.key, default: 0]) }
        unexpected = done.reduce(0) { $0 + (sent[$1.key] == nil ? $1.value : 0) }
        duplicated = done.reduce(0) { sum, one in sum + (sent[one.key].map { max(0, one.value - $0) } ?? 0) }
        recovered = done.reduce(0) { sum, one in
            let expected = min(one.value, sent[one.key, default: 0])
            return sum + max(0, expected - stored[one.key, default: 0])
        }
        faults = Set(stored.filter { $0.value > done[$0.key, default: 0] }.keys).union(
            done.keys.filter { sent[$0] == nil })
    }

    /// Nothing acknowledged is lost, and nothing came from nowhere.
    public var isFaultless: Bool { lost == 0 && unexpected == 0 }

    public var description: String {
        "attempted \(attempted), acknowledged \(acknowledged), handled \(handled): lost \(lost), unexpected \(unexpected), "
            + "duplicated \(duplicated), recovered \(recovered)"
    }

    private static func counts(_ elements: [Element]) -> [Element: Int] {
        elements.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
}
