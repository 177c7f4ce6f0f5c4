import Foundation
public import Postgres

/// The answers to the API's questions; each is one statement and takes no locks.
public struct OrderReader: Sendable {
    private let database: Database

    public init(_ database: Database) { self.database = database }

    /// The order as its customer sees it; nil when there is none with this id.
    public func order(_ id: OrderID) async throws -> OrderView? {
        let rows = try await database.read(Self.order, id, within: Self.limit) { try OrderView(id: id, $0) }
        guard var view = rows.first else { return nil }
        view.lines = rows.flatMap(\.lines)
        return view
    }

    /// The timeline, oldest first; nil when there is no such order.
    public func events(of id: OrderID) async throws -> [TimelineEntry]? {
        let entries = try await database.read(Self.events, id, within: Self.limit) { row in
            TimelineEntry(try row[0], at: try row[1], detail: try row[2])
        }
        return entries.isEmpty ? nil : entries
    }

    /// The invoice of an order.
    public func invoice(of id: OrderID) async throws -> InvoiceAnswer {
        let answers = try await database.read(Self.invoice, id, within: Self.limit) { try $0[0, as: String?.self] }
        guard let answer = answers.first else { return .noSuchOrder }
        return answer.map(InvoiceAnswer.issued) ?? .notIssuedYet
    }

    /// The whole catalogue, by article code.
    public func products() async throws -> [Product] {
        try await database.read(Self.products, within: Self.limit) { row in
            Product(
                sku: try row[0], name: try row[1], colour: try row[2], size: try row[3], price: try row[4])
        }
    }

    /// Nobody waits longer than this for the database.
    private static let limit = Duration.seconds(5)

    private static let order: Statement = """
        SELECT o.status, o.rejection, o.rejection_detail, o.placed_at, o.customer_name, o.customer_email,
            o.recipient, o.street, o.city, o.postcode, o.country, o.total_cents, o.tracking_number, o.refunded_at,
            o.cancel_asked_at, l.sku, p.name, l.quantity, l.unit_price_cents
        FROM orders.orders AS o
        JOIN orders.order_lines AS l ON l.order_id = o.id
        LEFT JOIN orders.products AS p ON p.sku = l.sku
        WHERE o.id = $1
        ORDER BY l.line
        """
    private static let events: Statement = """
        SELECT milestone, at, detail FROM orders.events WHERE order_id = $1 ORDER BY at, milestone
        """
    private static let invoice: Statement = """
        SELECT i.html FROM orders.orders AS o LEFT JOIN orders.invoices AS i ON i.order_id = o.id WHERE o.id = $1
        """
    private static let products: Statement = """
        SELECT sku, name, colour, size, price_cents FROM orders.products ORDER BY sku
        """
}

public enum InvoiceAnswer: Hashable, Sendable {
    /// A page of HTML.
    case issued(String)
    /// The order isn't paid yet, or never will be.
    case notIssuedYet
    case noSuchOrder
}

extension Milestone: PostgresDecodable {
    public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Milestone? {
        String.decode(bytes).flatMap(Milestone.init)
    }
}
