package import Postgres

/// The rows of `orders.invoices`.
package enum Invoices {
    /// The first invoice of an order stays its invoice.
    package static func issue(for processed: [OrderProcessed], in session: borrowing Session) {
        let invoices = processed.map { Invoice(for: $0) }
        session.pipeline(
            record, invoices.map(\.orderID), invoices.map(\.number), invoices.map(\.issuedAt), invoices.map(\.html))
    }

    private static let record: Statement = """
        INSERT INTO orders.invoices (order_id, number, issued_at, html)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[])
        ON CONFLICT (order_id) DO NOTHING
        """
}
