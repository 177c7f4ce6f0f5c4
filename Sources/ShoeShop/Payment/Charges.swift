package import Foundation
package import Postgres

/// What the payment provider said to a request.
package struct ChargeAnswer: Sendable {
    let request: PaymentRequest
    let outcome: ChargeOutcome

    package init(request: PaymentRequest, outcome: ChargeOutcome) {
        self.request = request
        self.outcome = outcome
    }

    package func event(at now: Date) -> OrderEvent {
        switch outcome {
        case .charged(let id):
            .processed(
                OrderProcessed(order: request.order, chargeID: id, reservedAt: request.reservedAt, paidAt: now))
        case .declined(let reason):
            .rejected(
                OrderRejected(
                    orderID: request.order.id, reason: .declined, detail: reason, reservedAt: request.reservedAt,
                    at: now))
        }
    }

    /// What has to be given back; nil when nothing was charged.
    var refund: RefundRequest? {
        chargeID.map { RefundRequest(orderID: request.order.id, chargeID: $0, amount: request.order.total) }
    }

    fileprivate var status: String { chargeID == nil ? "declined" : "charged" }
    fileprivate var chargeID: String? { if case .charged(let id) = outcome { id } else { nil } }
    fileprivate var declineReason: String? { if case .declined(let reason) = outcome { reason } else { nil } }
}

/// The rows of `payment.charges`: our copy of the provider's ledger.
package enum Charges {
    /// Keeps the first answer per order.
    package static func record(_ answers: [ChargeAnswer], in session: borrowing Session) {
        session.pipeline(
            record, answers.map(\.request.order.id), answers.map(\.status), answers.map(\.request.order.total),
            answers.map(\.chargeID), answers.map(\.declineReason))
    }

    /// What these orders were charged, as what would give it back.
    static func made(for ids: [OrderID], in session: borrowing Session) throws -> [RefundRequest] {
        session.walkIndexes()
        return try session.query(made, ids) { row in
            RefundRequest(orderID: try row[0], chargeID: try row[1], amount: try row[2])
        }
    }

    private static let made: Statement = """
        SELECT order_id, charge_id, amount_cents FROM payment.charges WHERE order_id = ANY($1) AND status = 'charged'
        """

    private static let record: Statement = """
        INSERT INTO payment.charges (order_id, status, amount_cents, charge_id, decline_reason)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[])
        ON CONFLICT (order_id) DO NOTHING
        """
}
