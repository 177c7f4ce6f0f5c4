import Foundation
public import MessageQueue
package import Postgres

/// The rows of `orders.orders` and their timeline, as far as the status machine is concerned.
package enum OrderRecords {
    /// An order with what is new in its timeline.
    package typealias Change = (order: Order, entries: [TimelineEntry])

    /// Stores new orders with their lines, as received, each of one submitter.
    package static func insert(
        _ orders: [PlacedOrder], of submitters: [Submitter], in session: borrowing Session
    ) throws {
        let submitters = try Customers.settle(submitters, in: session)
        Customers.insert(submitters, in: session)
        let customers = orders.map(\.customer)
        let addresses = orders.map(\.address)
        session.pipeline(
            insert, orders.map(\.id), customers.map(\.name), customers.map(\.email), addresses.map(\.recipient),
            addresses.map(\.street), addresses.map(\.city), addresses.map(\.postcode), addresses.map(\.country),
            submitters.map(\.id))
        let firsts = zip(orders, submitters).filter { $1.token != nil }
        session.pipeline(begin, firsts.map(\.0.id), firsts.map(\.1.id), Milestone.received.rawValue)
        session.walkIndexes()
        record(zip(orders, submitters).filter { $1.token == nil }.map { ($0.0.id, nil) }, in: session)
        OrderLines.insert(orders, in: session)
    }

    /// Brings status and timeline of the orders to where these events, in this order, lead them.
    ///
    /// - Throws: ``UnknownOrder`` when one of them isn't there.
    package static func apply(_ events: [OrderEvent], in session: borrowing Session) throws {
        let events = Dictionary(grouping: events, by: \.orderID)
        let changes = try lock(events.keys.sorted(), in: session).values.map { order -> Change in
            var order = order
            let entries = events[order.id, default: []].flatMap { order.apply($0) }
            return (order, entries)
        }
        save(changes.filter { !$0.entries.isEmpty }, in: session)
    }

    /// Locks the orders until the end of the transaction, in the order of their ids.
    ///
    /// - Throws: ``UnknownOrder`` when one of them isn't there.
    static func lock(_ ids: [OrderID], in session: borrowing Session) throws -> [OrderID: Order] {
        session.walkIndexes()
        let orders = try session.query(lock, ids) { row in
            let name: String = try row[1]
            guard let status = OrderStatus(name: name, rejection: try row[2]) else {
                throw PostgresError(.decoding, "\(name) is no status of an order")
            }
            return Order(id: try row[0], status: status, refundedAt: try row[3], tellsOfPayment: try row[4])
        }
        let found = Dictionary(uniqueKeysWithValues: orders.map { ($0.id, $0) })
        if let missing = ids.first(where: { found[$0] == nil }) { throw UnknownOrder(id: missing) }
        return found
    }

    /// Writes what changed; the orders must be locked. What an order does not know stays as it is.
    package static func save(_ changes: [Change], in session: borrowing Session) {
        guard !changes.isEmpty else { return }
        let orders = changes.map(\.order)
        session.pipeline(
            save, orders.map(\.id), orders.map(\.status.name), orders.map(\.status.rejection?.rawValue),
            orders.map(\.rejectionDetail), orders.map(\.total), orders.map(\.trackingNumber), orders.map(\.refundedAt))
        record(changes.flatMap { change in change.entries.map { (change.order.id, $0) } }, in: session)
    }

    /// Adds to timelines. Each event gets the customer's next place. An entry of nil is that the order was received, now.
    package static func record(_ entries: [(OrderID, TimelineEntry?)], in session: borrowing Session) {
        guard !entries.isEmpty else { return }
        session.pipeline(
            record, entries.map(\.0), entries.map { $0.1?.milestone.rawValue ?? Milestone.received.rawValue },
            entries.map(\.1?.at), entries.map { $0.1?.detail })
    }

    private static let insert: Statement = """
        INSERT INTO orders.orders (id, customer_name, customer_email, recipient, street, city, postcode, country, customer)
        SELECT * FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::uuid[])
        """
    private static let lock: Statement = """
        SELECT id, status, rejection, refunded_at, status = 'cancelled' AND EXISTS (
            SELECT FROM orders.events AS e WHERE e.order_id = o.id AND e.milestone = 'paid')
        FROM orders.orders AS o WHERE id = ANY($1) ORDER BY id FOR UPDATE
        """
    private static let save: Statement = """
        UPDATE orders.orders AS o
        SET status = n.status, rejection = n.rejection,
            rejection_detail = coalesce(n.rejection_detail, o.rejection_detail),
            total_cents = coalesce(n.total_cents, o.total_cents),
            tracking_number = coalesce(n.tracking_number, o.tracking_number),
            refunded_at = coalesce(n.refunded_at, o.refunded_at)
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::timestamptz[])
            AS n (id, status, rejection, rejection_detail, total_cents, tracking_number, refunded_at)
        WHERE o.id = n.id
        """
    /// The first event of customers that are new: theirs is the first place, as ``Customers`` has stored it.
    private static let begin: Statement = """
        INSERT INTO orders.events (order_id, milestone, at, customer, place)
        SELECT order_id, $3, now(), customer, 1 FROM unnest($1::uuid[], $2::uuid[]) AS n (order_id, customer)
        """
    /// Customers' rows are locked by their update, in the order of their ids: from the sorted counts, each by its primary key. Two
    /// transactions that met in another order would be a deadlock, and one of them tried again.
    private static let record: Statement = """
        WITH new AS MATERIALIZED (
            SELECT n.order_id, n.milestone, coalesce(n.at, now()) AS at, n.detail, n.number, o.customer
            FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[]) WITH ORDINALITY
                AS n (order_id, milestone, at, detail, number)
            JOIN orders.orders AS o ON o.id = n.order_id),
        moved AS (
            UPDATE orders.customers AS c SET places = c.places + k.count
            FROM (SELECT customer, count(*) AS count FROM new GROUP BY customer ORDER BY customer) AS k
            WHERE c.id = k.customer RETURNING c.id, c.places - k.count AS before)
        INSERT INTO orders.events (order_id, milestone, at, detail, customer, place)
        SELECT n.order_id, n.milestone, n.at, n.detail, n.customer, coalesce(m.before, (
                SELECT count(*) FROM orders.events AS e WHERE e.order_id = n.order_id))
            + row_number() OVER (PARTITION BY coalesce(n.customer, n.order_id) ORDER BY n.number)
        FROM new AS n LEFT JOIN moved AS m ON m.id = n.customer
        """
}

/// A message names an order that was never accepted here; trying again won't make it known.
public struct UnknownOrder: StepFailure, CustomStringConvertible {
    public let id: OrderID

    public var disposition: Disposition { .deadLetter(reason: "unknown-order") }
    public var description: String { "there is no order \(id)" }
}
