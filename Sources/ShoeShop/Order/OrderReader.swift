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

    /// Orders, the newest first, page by page.
    ///
    /// What is a customer's whole e-mail address is looked up by it. Otherwise the primary key is walked back, over ``looked`` orders a
    /// page and no more: ids begin with the time.
    /// - Parameters:
    ///   - before: ``OrderPage/next`` of the page before; nil begins with the newest.
    ///   - status: only those that stand so.
    ///   - text: only those whose customer's name or e-mail address has this in it, whatever its case; the whole address of a
    ///     customer means their orders alone.
    ///   - limit: the most that are told, 1 or more.
    public func latest(
        before: OrderID? = nil, status: String? = nil, text: String? = nil, limit: Int = 50
    ) async throws -> OrderPage {
        let found = try await database.read(
            Self.search, before, status, text, Int64(limit), Int64(Self.looked), within: Self.limit
        ) { try Found($0) }
        let orders = found.compactMap(\.order)
        guard let edge = found.first else { return OrderPage(orders: [], next: nil) }
        let reached = (orders.count == limit ? orders.last?.id : nil) ?? edge.last
        let isAll = reached == edge.last && edge.looked < Self.looked
        return OrderPage(orders: orders, next: isAll ? nil : reached)
    }

    /// How many orders a page of a search looks at.
    public static let looked = 5000

    private struct Found {
        /// The oldest order that was looked at, and how many were.
        let last: OrderID
        let looked: Int
        /// Nil where none of them matches.
        let order: OrderSummary?

        init(_ row: borrowing Row) throws {
            last = try row[0]
            looked = try row[1]
            order = try row[2, as: OrderID?.self] == nil ? nil : OrderSummary(row, from: 2)
        }
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
    /// Along `orders_email`, which is walked in its own order: by an equality a planner could walk the primary key instead, past all
    /// orders of others, where it takes the address for a common one. Else along the primary key.
    static let search: Statement = """
        WITH known AS MATERIALIZED (
            SELECT coalesce(lower($3::text) = (
                SELECT lower(o.customer_email) FROM orders.orders AS o WHERE lower(o.customer_email) >= lower($3)
                ORDER BY lower(o.customer_email), o.id DESC LIMIT 1), false) AS is_address),
        looked AS MATERIALIZED (
            (SELECT o.id, o.status, o.placed_at, o.customer_name, o.customer_email, o.total_cents FROM orders.orders AS o
             WHERE (SELECT is_address FROM known) AND lower(o.customer_email) BETWEEN lower($3) AND lower($3)
               AND o.id < coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
             ORDER BY lower(o.customer_email), o.id DESC LIMIT $5)
            UNION ALL
            (SELECT o.id, o.status, o.placed_at, o.customer_name, o.customer_email, o.total_cents FROM orders.orders AS o
             WHERE NOT (SELECT is_address FROM known)
               AND o.id < coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
             ORDER BY o.id DESC LIMIT $5)),
        edge AS (SELECT id, (SELECT count(*) FROM looked) AS looked FROM looked ORDER BY id LIMIT 1)
        SELECT e.id, e.looked, m.id, m.status, m.placed_at, m.customer_name, m.customer_email, m.total_cents
        FROM edge AS e LEFT JOIN (
            SELECT * FROM looked AS l WHERE ($2::text IS NULL OR l.status = $2)
              AND ($3 IS NULL OR strpos(lower(l.customer_name || ' ' || l.customer_email), lower($3)) > 0)
            ORDER BY l.id DESC LIMIT $4) AS m ON true
        ORDER BY m.id DESC
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
