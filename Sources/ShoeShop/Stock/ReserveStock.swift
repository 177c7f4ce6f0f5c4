public import MessageQueue
public import Postgres

/// Sets the shoes of an order aside: every line or none. Then the customer is charged, or the order rejected.
///
/// A repeated request changes nothing; it sends on what follows from the first decision.
public struct ReserveStock: Step {
    public let queue = Workflow.stock
    private let broker: Broker

    public init(_ shop: Shop) { broker = shop.broker }

    public func commit(_ batch: [Delivery<StockRequest>], in session: borrowing Session) throws {
        let requests = batch.map(\.payload).oncePerOrder(\.order.id)
        let known = try Reservations.find(requests.map(\.order.id), in: session)
        let new = requests.map(\.order).filter { known[$0.id] == nil }
        let decided = try Reservations.decide(new, in: session).map { ($0.orderID, $0) }
        try send(requests, after: known.merging(decided) { old, _ in old }, in: session)
    }

    private func send(
        _ requests: [StockRequest], after decisions: [OrderID: Reservation], in session: borrowing Session
    ) throws {
        var payments: [Outgoing<PaymentRequest>] = []
        var rejections: [OrderEvent] = []
        for request in requests {
            guard let decision = decisions[request.order.id] else { continue }
            switch decision.state {
            case .reserved:
                let payment = PaymentRequest(
                    order: request.order, paymentToken: request.paymentToken, reservedAt: decision.decidedAt)
                payments.append(Outgoing(payment, key: request.order.id.description))
            case .refused:
                rejections.append(.rejected(decision.rejection))
            case .released, .taken:
                // The order is over: there is nothing left to set in motion.
                continue
            }
        }
        try broker.send(payments, to: Workflow.payment, in: session)
        try broker.announce(rejections, in: session)
    }
}
