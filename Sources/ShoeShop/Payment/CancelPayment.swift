public import MessageQueue
public import Postgres

/// Keeps a cancelled order from being charged, and gives back what was charged already.
///
/// A charge that is under way finds the cancellation when it is recorded; see ``ChargePayment``.
public struct CancelPayment: Step {
    public let queue = Workflow.paymentCancel
    private let broker: Broker
    private let calls: ProviderCalls

    public init(_ shop: Shop) {
        broker = shop.broker
        calls = ProviderCalls(of: .payment, on: shop.database)
    }

    public func commit(_ batch: [Delivery<OrderReference>], in session: borrowing Session) throws {
        let ids = batch.map(\.payload).oncePerOrder(\.orderID).map(\.orderID)
        _ = try calls.cancel(ids, in: session)
        // Behind the lock: a charge that was just being recorded is seen.
        let refunds = try Charges.made(for: ids, in: session)
        try broker.send(refunds.map { Outgoing($0, key: $0.orderID.description) }, to: Workflow.refunds, in: session)
    }
}
