public import MessageQueue
public import Postgres

/// Decides about cancellations: the point of no return is a call to the carrier, so nobody else can.
///
/// With no call out the order is cancelled, and everybody is told. Else the request stands: ``BookDelivery`` cancels once
/// its call turns out to have had no effect, or gets an answer, and then it was too late.
public struct CancelBooking: Step {
    public let queue = Workflow.cancellations
    private let broker: Broker
    private let calls: ProviderCalls

    public init(_ shop: Shop) {
        broker = shop.broker
        calls = ProviderCalls(of: .logistics, on: shop.database)
    }

    public func commit(_ batch: [Delivery<OrderReference>], in session: borrowing Session) throws {
        let now = try session.time()
        let cancelled = try calls.cancel(batch.map(\.payload).oncePerOrder(\.orderID).map(\.orderID), in: session)
        try broker.announce(cancelled.map { .cancelled(OrderCancelled(orderID: $0, at: now)) }, in: session)
    }
}
