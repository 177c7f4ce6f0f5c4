public import MessageQueue
public import Postgres

/// Keeps the status and the timeline of orders from what the other steps announce.
public struct TrackOrders: Step {
    public let queue = Workflow.orderStatus

    public init(_ shop: Shop) {}

    public func commit(_ batch: [Delivery<OrderEvent>], in session: borrowing Session) throws {
        let events = Dictionary(grouping: batch.map(\.payload), by: \.orderID)
        let orders = try OrderRecords.lock(events.keys.sorted(), in: session)
        let changes = orders.values.map { order -> OrderRecords.Change in
            var order = order
            let entries = events[order.id, default: []].flatMap { order.apply($0) }
            return (order, entries)
        }
        OrderRecords.save(changes.filter { !$0.entries.isEmpty }, in: session)
    }
}
