import Foundation
public import MessageQueue
public import Postgres

/// Charges the customer for a reserved order, and tells what came of it.
///
/// The order id is the idempotency key: however often a charge is tried, the customer pays once, and the provider's
/// first answer is its answer for ever. So a repeated request has nothing new to record. A cancelled order isn't charged;
/// one that was being charged when it was cancelled is refunded.
public struct ChargePayment: PreparingStep {
    public let queue = Workflow.payment
    public let options: StepOptions
    private let broker: Broker
    private let provider: any PaymentProvider
    private let calls: ProviderCalls

    public init(_ shop: Shop) {
        options = StepOptions(concurrency: 256, breaker: shop.breaker)
        broker = shop.broker
        calls = ProviderCalls(of: .payment, on: shop.database)
        provider = shop.payment
    }

    /// - Returns: nil when the order is cancelled.
    public func prepare(_ delivery: Delivery<PaymentRequest>) async throws -> ChargeOutcome? {
        let request = delivery.payload
        return try await calls.call(for: request.order.id) { () async throws(ProviderError) in
            try await provider.charge(request.order.total, for: request.order.id, token: request.paymentToken)
        }
    }

    public func commit(
        _ batch: [PreparedDelivery<PaymentRequest, ChargeOutcome?>], in session: borrowing Session
    ) throws {
        let now = try session.time()
        let answers = batch.compactMap { one in
            one.prepared.map { ChargeAnswer(request: one.delivery.payload, outcome: $0) }
        }.oncePerOrder(\.request.order.id)
        let cancelled = try calls.cancelled(among: answers.map(\.request.order.id), in: session)
        Charges.record(answers, in: session)
        let good = answers.filter { !cancelled.contains($0.request.order.id) }
        try broker.announce(good.map { $0.event(at: now) }, in: session)
        try undo(answers.filter { cancelled.contains($0.request.order.id) }, at: now, in: session)
    }

    /// Of a cancelled order only its status hears that it was charged.
    private func undo(_ vain: [ChargeAnswer], at now: Date, in session: borrowing Session) throws {
        let refunds = vain.compactMap(\.refund)
        guard !refunds.isEmpty else { return }
        try broker.send(refunds.map { Outgoing($0, key: $0.orderID.description) }, to: Workflow.refunds, in: session)
        let charged = vain.filter { $0.refund != nil }
        try broker.send(charged.map { $0.event(at: now).outgoing }, to: Workflow.orderStatus, in: session)
    }
}
