public import MessageQueue
public import Postgres

/// Takes the shoes of a booked parcel off the books: they leave with the carrier.
public struct DispatchStock: Step {
    public let queue = Workflow.stockDispatch

    public init(_ shop: Shop) {}

    public func commit(_ batch: [Delivery<OrderReference>], in session: borrowing Session) throws {
        Reservations.take(batch.map(\.payload).oncePerOrder(\.orderID).map(\.orderID), in: session)
    }
}
