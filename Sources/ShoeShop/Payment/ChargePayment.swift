public import MessageQueue
public import Postgres

/// Charges the customer for a reserved order, and tells what came of it.
///
/// The order id is the idempotency key: however often a charge is tried, the customer pays once, and the provider's
/// first answer is its answer for ever. So a repeated request has nothing new to record.
public struct ChargePayment: PreparingStep {
    public let queue = Workflow.payment
    private let broker: Broker
    private let provider: any PaymentProvider

    public init(_ shop: Shop) {
        broker = shop.broker
        provider = shop.payment
    }

    public func prepare(_ delivery: Delivery<PaymentRequest>) async throws -> ChargeOutcome {
        let request = delivery.payload
        return try await provider.charge(request.order.total, for: request.order.id, token: request.paymentToken)
    }

    public func commit(
        _ batch: [PreparedDelivery<PaymentRequest, ChargeOutcome>], in session: borrowing Session
    ) throws {
        let now = try session.time()
        let answers = batch.map { ChargeAnswer(request: $0.delivery.payload, outcome: $0.prepared) }
            .oncePerOrder(\.request.order.id)
        Charges.record(answers, in: session)
        try broker.announce(answers.map { $0.event(at: now) }, in: session)
    }
}
