import Foundation
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
        let decided = try decide(requests.filter { known[$0.order.id] == nil }, in: session)
        try send(requests, after: known.merging(decided) { old, _ in old }, in: session)
    }

    private func decide(_ requests: [StockRequest], in session: borrowing Session) throws -> [OrderID: Reservation] {
        guard !requests.isEmpty else { return [:] }
        let skus = Set(requests.flatMap { $0.order.lines.map(\.sku) })
        var shelf = Shelf(onHand: try StockItems.lock(skus, in: session))
        let now = try session.time()
        let decisions = requests.map { shelf.decide($0.order, at: now) }
        StockItems.reserve(shelf.reserved, in: session)
        Reservations.record(decisions, in: session)
        return Dictionary(uniqueKeysWithValues: decisions.map { ($0.orderID, $0) })
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
                rejections.append(
                    .rejected(
                        OrderRejected(
                            orderID: request.order.id, reason: .outOfStock, detail: decision.refusal ?? "",
                            at: decision.decidedAt)))
            case .released, .taken:
                // The order is over: there is nothing left to set in motion.
                continue
            }
        }
        try broker.send(payments, to: Workflow.payment, in: session)
        try broker.announce(rejections, in: session)
    }
}

extension Shelf {
    fileprivate mutating func decide(_ order: PricedOrder, at now: Date) -> Reservation {
        switch reserve(order.lines) {
        case .granted:
            Reservation(orderID: order.id, state: .reserved, lines: order.lines, decidedAt: now)
        case .refused(let shortages):
            Reservation(
                orderID: order.id, state: .refused, refusal: shortages.map(\.description).joined(separator: ", "),
                decidedAt: now)
        }
    }
}
