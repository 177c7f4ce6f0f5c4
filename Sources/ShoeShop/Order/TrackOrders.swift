public import MessageQueue
public import Postgres

/// Keeps the status and the timeline of orders from what the other steps announce.
public struct TrackOrders: Step {
    public let queue = Workflow.orderStatus

    public init(_ shop: Shop) {}

    public func commit(_ batch: [Delivery<OrderEvent>], in session: borrowing Session) throws {
        try OrderRecords.apply(batch.map(\.payload), in: session)
    }
}
