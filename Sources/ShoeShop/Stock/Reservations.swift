package import Foundation
package import Postgres

/// What was decided about one order; `refusal` says why, for a refused one.
package struct Reservation: Sendable {
    package enum State: String, Sendable {
        case reserved, refused, released, taken
    }

    package let orderID: OrderID
    package let state: State
    var lines: [PricedLine] = []
    var refusal: String?
    package let decidedAt: Date

    /// What is announced of a refused one.
    package var rejection: OrderRejected {
        OrderRejected(orderID: orderID, reason: .outOfStock, detail: refusal ?? "", at: decidedAt)
    }
}

extension Reservation.State: PostgresDecodable {
    package static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? { String.decode(bytes).flatMap(Self.init) }
}

/// The rows of `stock.reservations`: one decision per order, never two.
package enum Reservations {
    /// Sets shoes aside for orders about which nothing was decided before, in their order: every line or none.
    package static func decide(_ orders: [PricedOrder], in session: borrowing Session) throws -> [Reservation] {
        guard !orders.isEmpty else { return [] }
        let skus = Set(orders.flatMap { $0.lines.map(\.sku) })
        var shelf = Shelf(onHand: try StockItems.lock(skus, in: session))
        let now = try session.time()
        let decisions = orders.map { shelf.decide($0, at: now) }
        StockItems.reserve(shelf.reserved, in: session)
        record(decisions, in: session)
        return decisions
    }

    /// What was decided about these orders before, without the lines.
    static func find(_ ids: [OrderID], in session: borrowing Session) throws -> [OrderID: Reservation] {
        session.walkIndexes()
        let known = try session.query(find, ids) { row in
            Reservation(orderID: try row[0], state: try row[1], refusal: try row[2], decidedAt: try row[3])
        }
        return Dictionary(uniqueKeysWithValues: known.map { ($0.orderID, $0) })
    }

    /// Writes new decisions. Two transactions that decide about the same order meet in the primary key: the later one
    /// fails as a whole, is repeated, and finds the decision of the first.
    static func record(_ decisions: [Reservation], in session: borrowing Session) {
        let lines = decisions.flatMap { decision in decision.lines.map { (decision.orderID, $0) } }
        session.pipeline(
            record, decisions.map(\.orderID), decisions.map(\.state.rawValue), decisions.map(\.refusal),
            decisions.map(\.decidedAt), lines.map(\.0), lines.map(\.1.sku), lines.map(\.1.quantity))
    }

    /// Puts the shoes of these orders back on the shelf. One that asks for its shoes only later won't get them.
    package static func release(_ ids: [OrderID], in session: borrowing Session) {
        session.walkIndexes()
        session.pipeline(release, ids)
        session.pipeline(forestall, ids)
        // A reservation that was committed after the first look was in the way of the second.
        session.pipeline(release, ids)
    }

    /// The shoes of these orders have left with the carrier.
    package static func take(_ ids: [OrderID], in session: borrowing Session) {
        session.walkIndexes()
        session.pipeline(take, ids)
    }

    private static let find: Statement = """
        SELECT order_id, state, refusal, decided_at FROM stock.reservations WHERE order_id = ANY($1)
        """

    private static let record: Statement = """
        INSERT INTO stock.reservations (order_id, state, refusal, decided_at, skus, quantities)
        SELECT d.order_id, d.state, d.refusal, d.decided_at, coalesce(l.skus, '{}'), coalesce(l.quantities, '{}')
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[])
            AS d (order_id, state, refusal, decided_at)
        LEFT JOIN (
            SELECT order_id, array_agg(sku) AS skus, array_agg(quantity) AS quantities
            FROM unnest($5::uuid[], $6::text[], $7::bigint[]) AS line (order_id, sku, quantity)
            GROUP BY order_id
        ) AS l USING (order_id)
        """

    private static let release = settle(as: "released", moving: "on_hand")
    private static let take = settle(as: "taken", moving: "taken")

    /// An order without a decision gets one here, so that a request which is still on its way finds it. One that is just
    /// being decided is waited for.
    private static let forestall: Statement = """
        INSERT INTO stock.reservations (order_id, state, skus, quantities, settled_at)
        SELECT id, 'released', '{}', '{}', now() FROM unnest($1::uuid[]) AS n (id) ORDER BY id
        ON CONFLICT (order_id) DO NOTHING
        """

    /// Ends the reservations that still stand, and moves their pairs to another column of `stock.items`.
    ///
    /// Locks reservations in the order of their ids and then items in the order of their SKUs, as everybody does.
    private static func settle(as state: String, moving column: String) -> Statement {
        Statement(
            """
            WITH due AS MATERIALIZED (
                SELECT order_id, skus, quantities FROM stock.reservations
                WHERE order_id = ANY($1) AND state = 'reserved' ORDER BY order_id FOR UPDATE
            ), moved AS MATERIALIZED (
                SELECT line.sku, sum(line.quantity)::bigint AS quantity
                FROM due, unnest(due.skus, due.quantities) AS line (sku, quantity) GROUP BY line.sku
            ), locked AS MATERIALIZED (
                SELECT sku FROM stock.items WHERE sku IN (SELECT sku FROM moved) ORDER BY sku FOR UPDATE
            ), settled AS (
                UPDATE stock.reservations AS r SET state = '\(state)', settled_at = now()
                FROM due WHERE r.order_id = due.order_id
            )
            UPDATE stock.items AS i SET reserved = i.reserved - moved.quantity, \(column) = i.\(column) + moved.quantity
            FROM moved JOIN locked USING (sku) WHERE i.sku = moved.sku
            """)
    }
}

extension Shelf {
    fileprivate mutating func decide(_ order: PricedOrder, at now: Date) -> Reservation {
        switch reserve(order.lines) {
        case .granted:
            Reservation(orderID: order.id, state: .reserved, lines: order.lines, decidedAt: now)
        case .refused(let shortages):
            Reservation(
                orderID: order.id, state: .refused, refusal: shortages.map(\.description).joined(separator: ", "),
                decidedAt: now)
        }
    }
}
