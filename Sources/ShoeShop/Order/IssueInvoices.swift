public import MessageQueue
public import Postgres

/// Writes an invoice for each processed order and keeps it.
public struct IssueInvoices: Step {
    public let queue = Workflow.invoices

    public init(_ shop: Shop) {}

    public func commit(_ batch: [Delivery<OrderProcessed>], in session: borrowing Session) throws {
        Invoices.issue(for: batch.map(\.payload).oncePerOrder(\.order.id), in: session)
    }
}
