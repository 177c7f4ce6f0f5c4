public import MessageQueue
public import Postgres

/// Books the parcel of a paid order at the carrier.
///
/// The order id is the idempotency key: however often a booking is tried, one parcel is collected. An address that the
/// carrier won't serve is an outcome and leads to a refund; a carrier that can't be reached only makes the queue longer.
public struct BookDelivery: PreparingStep {
    public let queue = Workflow.logistics
    private let broker: Broker
    private let provider: any LogisticsProvider

    public init(_ shop: Shop) {
        broker = shop.broker
        provider = shop.logistics
    }

    public func prepare(_ delivery: Delivery<OrderProcessed>) async throws -> BookingOutcome {
        let order = delivery.payload.order
        return try await provider.book(order.items, to: order.address, for: order.id)
    }

    public func commit(
        _ batch: [PreparedDelivery<OrderProcessed, BookingOutcome>], in session: borrowing Session
    ) throws {
        let now = try session.time()
        let answers = batch.map { BookingAnswer(processed: $0.delivery.payload, outcome: $0.prepared) }
            .oncePerOrder(\.processed.order.id)
        Bookings.record(answers, in: session)
        try broker.announce(answers.map { $0.event(at: now) }, in: session)
    }
}
