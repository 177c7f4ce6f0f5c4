public import MessageQueue
public import Postgres

/// Puts the shoes of an order that came to nothing back on the shelf: the compensation of ``ReserveStock``.
///
/// A release that comes before its reservation forestalls it.
public struct ReleaseStock: Step {
    public let queue = Workflow.stockRelease

    public init(_ shop: Shop) {}

    public func commit(_ batch: [Delivery<OrderReference>], in session: borrowing Session) throws {
        Reservations.release(batch.map(\.payload).oncePerOrder(\.orderID).map(\.orderID), in: session)
    }
}
