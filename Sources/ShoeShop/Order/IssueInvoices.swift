public import MessageQueue
public import Postgres

/// Writes an invoice for each processed order and keeps it. Rendering needs no transaction, so it happens before one.
public struct IssueInvoices: PreparingStep {
    public let queue = Workflow.invoices

    public init(_ shop: Shop) {}

    /// The finished document, ready to be stored.
    public struct Document: Sendable {
        let invoice: Invoice
    }

    public func prepare(_ delivery: Delivery<OrderProcessed>) async throws -> Document {
        Document(invoice: Invoice(for: delivery.payload))
    }

    public func commit(_ batch: [PreparedDelivery<OrderProcessed, Document>], in session: borrowing Session) throws {
        let invoices = batch.map(\.prepared.invoice).oncePerOrder(\.orderID)
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
