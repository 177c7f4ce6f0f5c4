public import Foundation
public import Postgres

/// Something that happened to an order, with its place among all that happened to orders of the same customer.
///
/// Places are dense and given in the transaction that causes the event, so whoever has read up to a place misses nothing by asking
/// for what comes after it.
public struct TimelineEvent: Hashable, Sendable, Encodable {
    /// 1 for the customer's first event.
    public let place: Int64
    public let order: OrderID
    public let milestone: Milestone
    public let at: Date
    public let detail: String?
    /// Whose it is; not told.
    public let customer: CustomerID?

    private enum CodingKeys: CodingKey { case place, order, milestone, at, detail }
}

/// Up to where all timelines have been read: what was visible then, and at which server.
public struct TimelineMark: Hashable, Sendable {
    let snapshot: String
    let server: String
}

/// What a look for news finds.
public struct TimelineNews: Sendable {
    public fileprivate(set) var events: [TimelineEvent] = []
    public let mark: TimelineMark
    /// Whether the events are all since the earlier mark. False where that is of another server, or of a time that this one has
    /// not seen, since it was restored or promoted: then what is known has to be read again.
    public let isComplete: Bool
}

/// Reads timelines page by page, and what is new in all of them at once.
public struct TimelineReader: Sendable {
    private let database: Database

    /// The most that one page has.
    public static let page = 500

    public init(_ database: Database) { self.database = database }

    /// What happened to an order after a place; nil when there is no such order.
    public func events(of order: OrderID, after place: Int64, limit: Int = page) async throws -> [TimelineEvent]? {
        let events = try await read(Self.ofOrder, order, place, Int64(limit))
        guard events.isEmpty else { return events }
        let known = try await database.read(Self.isKnown, order, within: Self.limit) { try $0[0, as: Bool.self] }
        return known == [true] ? [] : nil
    }

    /// What happened to all orders of a customer after a place.
    public func events(of customer: CustomerID, after place: Int64, limit: Int = page) async throws -> [TimelineEvent] {
        try await read(Self.ofCustomer, customer, place, Int64(limit))
    }

    /// The latest orders of a customer, the newest first, found by their events.
    public func orders(of customer: CustomerID, limit: Int = 100) async throws -> [OrderSummary] {
        try await database.read(Self.orders, customer, Int64(limit), within: Self.limit) { try OrderSummary($0) }
    }

    /// The place of the last event of all orders of a customer; 0 before the first one.
    public func lastPlace(of customer: CustomerID) async throws -> Int64 {
        try await database.read(Self.lastPlace, customer, within: Self.limit) { try $0[0, as: Int64.self] }.first ?? 0
    }

    /// Whose token it is; nil for nobody's.
    public func customer(with token: CustomerToken) async throws -> CustomerID? {
        try await database.read(Self.customer, token.digest, within: Self.limit) { row in
            try row[0, as: CustomerID.self]
        }.first
    }

    /// Whether an order is one of whoever has this token.
    public func isOrder(_ order: OrderID, of token: CustomerToken) async throws -> Bool {
        let answers = try await database.read(Self.isOrder, order, token.digest, within: Self.limit) { row in
            try row[0, as: Bool.self]
        }
        return answers == [true]
    }

    /// What a submitter shows, where it is by that token that an order is theirs; nil otherwise.
    public func token(of submitter: Submitter, owning order: OrderID) async throws -> CustomerToken? {
        guard case .bearer(_, let token) = submitter, try await isOrder(order, of: token) else { return nil }
        return token
    }

    /// All that has become visible since an earlier look, and the mark of this one. Without a mark, only that of now.
    ///
    /// Exact, whatever order transactions commit in: the mark is a snapshot, and what was visible in it isn't told again.
    public func news(since mark: TimelineMark?) async throws -> TimelineNews {
        let rows = try await database.read(Self.news, mark?.snapshot, mark?.server, within: Self.limit) { row in
            (
                TimelineNews(mark: TimelineMark(snapshot: try row[0], server: try row[1]), isComplete: try row[2]),
                try row[3, as: Int64?.self] == nil ? nil : try TimelineEvent(row, from: 3)
            )
        }
        guard var news = rows.first?.0 else { throw PostgresError(.decoding, "a look for news has no answer") }
        news.events = rows.compactMap(\.1)
        return news
    }

    private func read(
        _ statement: Statement, _ subject: some PostgresEncodable, _ place: Int64, _ limit: Int64
    ) async throws -> [TimelineEvent] {
        try await database.read(statement, subject, place, limit, within: Self.limit) { try TimelineEvent($0, from: 0) }
    }

    /// Nobody waits longer than this for the database.
    private static let limit = Duration.seconds(5)

    private static let ofOrder: Statement = """
        SELECT place, order_id, milestone, at, detail, customer FROM orders.events
        WHERE order_id = $1 AND place > $2 ORDER BY place LIMIT $3
        """
    private static let ofCustomer: Statement = """
        SELECT place, order_id, milestone, at, detail, customer FROM orders.events
        WHERE customer = $1 AND place > $2 ORDER BY place LIMIT $3
        """
    private static let isKnown: Statement = "SELECT EXISTS (SELECT FROM orders.orders WHERE id = $1)"
    private static let orders: Statement = """
        SELECT o.id, o.status, o.placed_at, o.customer_name, o.customer_email, o.total_cents
        FROM orders.events AS e JOIN orders.orders AS o ON o.id = e.order_id
        WHERE e.customer = $1 AND e.milestone = 'received' ORDER BY e.place DESC LIMIT $2
        """
    private static let lastPlace: Statement = "SELECT places FROM orders.customers WHERE id = $1"
    private static let customer: Statement = "SELECT id FROM orders.customers WHERE token_hash = $1"
    private static let isOrder: Statement = """
        SELECT EXISTS (SELECT FROM orders.orders AS o JOIN orders.customers AS c ON c.id = o.customer
            WHERE o.id = $1 AND c.token_hash = $2)
        """
    /// Not visible in a snapshot is what began after it, and what was running then: both by the index on `written`. So
    /// a transaction that somebody leaves open for hours costs nothing.
    ///
    /// Numbers of transactions mean nothing at another server, and one that was set back gives the same ones again.
    private static let news: Statement = """
        WITH look AS MATERIALIZED (
            SELECT server, coalesce(server = $2 AND pg_snapshot_xmax($1::text::pg_snapshot)
                <= pg_snapshot_xmax(pg_current_snapshot()), false) AS is_complete
            FROM mq.fingerprint() AS server)
        SELECT pg_current_snapshot()::text, l.server, l.is_complete,
            e.place, e.order_id, e.milestone, e.at, e.detail, e.customer
        FROM look AS l LEFT JOIN LATERAL (
            SELECT place, order_id, milestone, at, detail, customer FROM orders.events
            WHERE l.is_complete AND written >= pg_snapshot_xmax($1::text::pg_snapshot)
            UNION ALL SELECT place, order_id, milestone, at, detail, customer FROM orders.events
            WHERE l.is_complete AND written = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))) AS e ON true
        ORDER BY e.customer, e.place
        """
}

extension TimelineEvent {
    fileprivate init(_ row: borrowing Row, from first: Int) throws {
        place = try row[first]
        order = try row[first + 1]
        milestone = try row[first + 2]
        at = try row[first + 3]
        detail = try row[first + 4]
        customer = try row[first + 5]
    }
}
