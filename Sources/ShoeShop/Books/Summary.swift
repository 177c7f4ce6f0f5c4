/// Where all orders stand, in numbers: `accepted` is the sum of the others down to `lost`.
public struct Summary: Hashable, Sendable, Codable {
    /// Orders that were accepted: those in the database, and those that only the customer knows of.
    public let accepted: Int
    /// Handed to the carrier.
    public let delivered: Int
    /// By ``Rejection``.
    public let rejected: [String: Int]
    public let cancelled: Int
    /// On their way, with a message that drives them on.
    public let waiting: Int
    /// On their way, but stopped at a dead letter until somebody redrives it.
    public let dead: Int
    /// Nothing drives them on, or they aren't there at all: must be 0.
    public let lost: Int

    /// Finished orders that still have something due, such as a refund or an invoice.
    public let unsettled: Int

    /// Nothing is left to be done that would get done by itself.
    public var isDrained: Bool { waiting == 0 && unsettled == 0 }

    init(_ snapshot: Snapshot) {
        let underWay = snapshot.open.filter(\.isUnderWay)
        let missing = snapshot.missing.count
        accepted = snapshot.counts.reduce(missing) { $0 + $1.count }
        delivered = snapshot.counts.reduce(0) { $1.status == "dispatched" ? $0 + $1.count : $0 }
        cancelled = snapshot.counts.reduce(0) { $1.status == "cancelled" ? $0 + $1.count : $0 }
        rejected = snapshot.counts.reduce(into: [:]) { sums, group in
            if let reason = group.rejection { sums[reason, default: 0] += group.count }
        }
        waiting = underWay.count { $0.isMoving }
        dead = underWay.count { !$0.isMoving && $0.isDead }
        lost = missing + underWay.count { !$0.isMoving && !$0.isDead }
        unsettled = snapshot.open.count { !$0.isUnderWay && $0.isMoving }
    }
}
