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

    /// The latest orders, the newest first.
    ///
    /// Walks the primary key back, over so many orders and no more: ids begin with the time.
    /// - Parameters:
    ///   - before: the last one of the page before; nil begins with the newest.
    ///   - status: only those that stand so.
    ///   - text: only those whose customer's name or e-mail address has this in it, whatever its case.
    ///   - limit: the most that are told.
    public func latest(
        before: OrderID? = nil, status: String? = nil, text: String? = nil, limit: Int = 50
    ) async throws -> [OrderSummary] {
        try await database.read(
            Self.latest, before, status, text, Int64(limit), Int64(Self.looked), within: Self.limit
        ) { row in
            OrderSummary(
                id: try row[0], status: try row[1], placedAt: try row[2], customer: try row[3], email: try row[4],
                total: try row[5])
        }
    }

    /// How many orders a search looks at.
    public static let looked = 5000

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
    private static let latest: Statement = """
        SELECT id, status, placed_at, customer_name, customer_email, total_cents FROM (
            SELECT * FROM orders.orders AS o WHERE $1::uuid IS NULL OR o.id < $1 ORDER BY o.id DESC LIMIT $5) AS o
        WHERE ($2::text IS NULL OR status = $2)
          AND ($3::text IS NULL OR strpos(lower(customer_name || ' ' || customer_email), lower($3)) > 0)
        ORDER BY id DESC LIMIT $4
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

    /// What a browser may do with the page of an invoice, as a Content-Security-Policy: show it, in its own style.
    public static let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
}

extension Milestone: PostgresDecodable {
    public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Milestone? {
        String.decode(bytes).flatMap(Milestone.init)
    }
}
