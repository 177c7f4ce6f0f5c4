public import MessageQueue
public import Postgres

/// Books the parcel of a paid order at the carrier.
///
/// The order id is the idempotency key: however often a booking is tried, one parcel is collected. An address that the
/// carrier won't serve is an outcome and leads to a refund; a carrier that can't be reached only makes the queue longer.
/// The parcel of an order that was cancelled is not booked, and with the first call that may book it, it's too late to cancel.
public struct BookDelivery: PreparingStep {
    public let queue = Workflow.logistics
    public let options: StepOptions
    private let broker: Broker
    private let provider: any LogisticsProvider
    private let calls: ProviderCalls

    public init(_ shop: Shop) {
        options = StepOptions(concurrency: 256, breaker: shop.breaker)
        broker = shop.broker
        calls = ProviderCalls(of: .logistics, on: shop.database)
        provider = shop.logistics
    }

    /// - Returns: nil when the order is cancelled; who decided that has told everybody.
    public func prepare(_ delivery: Delivery<OrderProcessed>) async throws -> BookingOutcome? {
        let order = delivery.payload.order
        return try await calls.call(for: order.id) { () async throws(ProviderError) in
            try await provider.book(order.items, to: order.address, for: order.id)
        } whenCancelled: { session in
            let event = OrderCancelled(of: delivery.payload, at: try session.time())
            try broker.announce([.cancelled(event)], in: session)
        }
    }

    public func commit(
        _ batch: [PreparedDelivery<OrderProcessed, BookingOutcome?>], in session: borrowing Session
    ) throws {
        let now = try session.time()
        let answers = batch.compactMap { one in
            one.prepared.map { BookingAnswer(processed: one.delivery.payload, outcome: $0) }
        }.oncePerOrder(\.processed.order.id)
        Bookings.record(answers, in: session)
        try broker.announce(answers.map { $0.event(at: now) }, in: session)
    }
}
