package import Postgres

/// The rows of `payment.refunds`: our copy of the provider's ledger.
package enum Refunds {
    /// Keeps the first refund per order.
    package static func record(_ refunds: [(request: RefundRequest, refundID: String)], in session: borrowing Session) {
        let requests = refunds.map(\.request)
        session.pipeline(
            record, requests.map(\.orderID), refunds.map(\.refundID), requests.map(\.chargeID), requests.map(\.amount))
    }

    private static let record: Statement = """
        INSERT INTO payment.refunds (order_id, refund_id, charge_id, amount_cents)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[])
        ON CONFLICT (order_id) DO NOTHING
        """
}
