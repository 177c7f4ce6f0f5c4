public import MessageQueue
public import Postgres

/// Writes an invoice for each processed order and keeps it.
public struct IssueInvoices: Step {
    public let queue = Workflow.invoices

    public init(_ shop: Shop) {}

    public func commit(_ batch: [Delivery<OrderProcessed>], in session: borrowing Session) throws {
        let invoices = batch.map(\.payload).oncePerOrder(\.order.id).map { Invoice(for: $0) }
        session.queue(
            Self.record, invoices.map(\.orderID), invoices.map(\.number), invoices.map(\.issuedAt),
            invoices.map(\.html))
    }

    /// The first invoice of an order stays its invoice.
    private static let record: Statement = """
        INSERT INTO orders.invoices (order_id, number, issued_at, html)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[])
        ON CONFLICT (order_id) DO NOTHING
        """
}
