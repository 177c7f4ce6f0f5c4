public import MessageQueue
public import Postgres

/// Gives the customer the money back: the compensation of ``ChargePayment``.
///
/// A refund that the provider refuses is tried again and then lies with the dead letters until somebody has dealt with
/// it: money that we owe is never forgotten.
public struct RefundPayment: PreparingStep {
    public let queue = Workflow.refunds
    public let options: StepOptions
    private let broker: Broker
    private let provider: any PaymentProvider

    public init(_ shop: Shop) {
        options = StepOptions(breaker: shop.breaker)
        broker = shop.broker
        provider = shop.payment
    }

    public func prepare(_ delivery: Delivery<RefundRequest>) async throws -> String {
        let request = delivery.payload
        switch try await provider.refund(request.amount, of: request.chargeID, for: request.orderID) {
        case .refunded(let id): return id
        case .refused(let reason): throw RefundRefused(orderID: request.orderID, reason: reason)
        }
    }

    public func commit(_ batch: [PreparedDelivery<RefundRequest, String>], in session: borrowing Session) throws {
        let now = try session.time()
        let refunds = batch.oncePerOrder(\.delivery.payload.orderID)
        Refunds.record(refunds.map { ($0.delivery.payload, $0.prepared) }, in: session)
        let events = refunds.map { refund in
            OrderEvent.refunded(
                OrderRefunded(orderID: refund.delivery.payload.orderID, refundID: refund.prepared, at: now))
        }
        try broker.announce(events, in: session)
    }
}

/// The provider won't give the money back.
public struct RefundRefused: StepFailure, CustomStringConvertible {
    public let orderID: OrderID
    public let reason: String

    package init(orderID: OrderID, reason: String) {
        self.orderID = orderID
        self.reason = reason
    }

    public var disposition: Disposition { .retry }
    public var description: String { "the payment provider refuses to refund order \(orderID): \(reason)" }
}
