import Foundation
import Postgres

/// What our own four schemas and the engine say, all at one instant.
///
/// Only the auditor reads across schemas.
struct Snapshot: Sendable {
    struct Item: Sendable {
        let sku: String
        let delivered, onHand, reserved, taken: Int
        /// What the reservations add up to.
        let heldByOrders, takenByOrders: Int
    }

    /// An order with something left to be done.
    struct Business: Sendable {
        let orderID: OrderID
        /// Its status isn't terminal.
        let isUnderWay: Bool
        /// What is left.
        let what: String
        /// A message of it waits or is being handled.
        let isMoving: Bool
        let isDead: Bool
    }

    let items: [Item]
    let charges: [ProviderLedgers.Entry]
    let refunds: [ProviderLedgers.Entry]
    let bookings: [ProviderLedgers.Entry]
    let open: [Business]
    let counts: [OrderCount]
    let orders: Set<OrderID>
    /// Accepted, as far as the caller knows or a step has a record, but not there.
    let missing: [OrderID]

    struct OrderCount: Sendable {
        let status: String
        let rejection: String?
        let count: Int
    }

    /// - Parameter accepted: orders that somebody was told were accepted.
    static func read(_ database: Database, accepted: [OrderID]) async throws -> Snapshot {
        try await database.write { session in
            session.pipeline(isolation)
            return Snapshot(
                items: try session.query(items) { row in
                    Item(
                        sku: try row[0], delivered: try row[1], onHand: try row[2], reserved: try row[3],
                        taken: try row[4], heldByOrders: try row[5], takenByOrders: try row[6])
                },
                charges: try session.query(charges, row: entry),
                refunds: try session.query(refunds, row: entry),
                bookings: try session.query(bookings, row: entry),
                open: try session.query(open) { row in
                    Business(
                        orderID: try row[0], isUnderWay: try row[1], what: try row[2], isMoving: try row[3],
                        isDead: try row[4])
                },
                counts: try session.query(counts) { row in
                    OrderCount(status: try row[0], rejection: try row[1], count: try row[2])
                },
                orders: Set(try session.query(orders) { try $0[0, as: OrderID.self] }),
                missing: try session.query(lost, accepted) { try $0[0] })
        }
    }

    /// Which of these orders aren't there now.
    static func missing(_ orders: [OrderID], in database: Database) async throws -> [OrderID] {
        try await database.read(missing, orders) { try $0[0] }
    }

    private static let entry: @Sendable (borrowing Row) throws -> ProviderLedgers.Entry = { row in
        ProviderLedgers.Entry(id: try row[0], orderID: try row[1, as: OrderID.self].description, amount: try row[2])
    }

    private static let isolation: Statement = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
    private static let items: Statement = """
        SELECT sku, coalesce(i.delivered, 0), coalesce(i.on_hand, 0), coalesce(i.reserved, 0), coalesce(i.taken, 0),
            coalesce(o.reserved, 0)::bigint, coalesce(o.taken, 0)::bigint
        FROM stock.items AS i FULL JOIN (
            SELECT line.sku, sum(line.quantity) FILTER (WHERE r.state = 'reserved') AS reserved,
                sum(line.quantity) FILTER (WHERE r.state = 'taken') AS taken
            FROM stock.reservations AS r, unnest(r.skus, r.quantities) AS line (sku, quantity)
            GROUP BY line.sku
        ) AS o USING (sku)
        """
    private static let charges: Statement = """
        SELECT charge_id, order_id, amount_cents FROM payment.charges WHERE status = 'charged'
        """
    private static let refunds: Statement = "SELECT refund_id, order_id, amount_cents FROM payment.refunds"
    private static let bookings: Statement = """
        SELECT tracking_number, order_id, NULL::bigint FROM logistics.bookings WHERE status = 'booked'
        """

    /// Each order with something left to be done must have a message that does it, or a dead letter that says why not.
    /// A cancelled order may have messages of its former life on their way; until they are handled, it may yet be charged.
    ///
    /// Reads the engine's log once, whatever the number of orders: an index step per order would rest on statistics
    /// that lag behind.
    private static let open: Statement = """
        WITH moving AS MATERIALIZED (
            SELECT m.key FROM mq.messages AS m WHERE NOT EXISTS (
                SELECT FROM mq.completions AS c WHERE c.queue = m.queue AND c.lane = m.lane AND c.seq = m.seq)
            UNION SELECT d.key FROM mq.scheduled AS d
        ), dead AS MATERIALIZED (
            SELECT DISTINCT key FROM mq.dead_letters
        ), business AS MATERIALIZED (
            SELECT o.id, o.status IN ('received', 'priced', 'paid') AS is_under_way, concat_ws(', ',
                CASE WHEN o.status IN ('received', 'priced', 'paid') THEN 'it is only ' || o.status END,
                CASE WHEN o.rejection = 'undeliverable' AND o.refunded_at IS NULL THEN 'it is not refunded' END,
                CASE WHEN o.status = 'cancelled' AND c.order_id IS NOT NULL AND o.refunded_at IS NULL
                    THEN 'it is cancelled and not refunded' END,
                CASE WHEN o.status = 'cancelled' AND b.order_id IS NOT NULL THEN 'it is cancelled, and its parcel booked' END,
                CASE WHEN o.status = 'dispatched' AND f.order_id IS NOT NULL THEN 'it is dispatched, and refunded' END,
                CASE WHEN o.status IN ('rejected', 'cancelled') AND r.state = 'reserved'
                    THEN 'its shoes are not back on the shelf' END,
                CASE WHEN o.status IN ('paid', 'dispatched') AND c.order_id IS NULL THEN 'it is not paid' END,
                CASE WHEN o.status = 'dispatched' AND b.order_id IS NULL THEN 'its parcel is not booked' END,
                CASE WHEN o.status = 'dispatched' AND r.state IS DISTINCT FROM 'taken'
                    THEN 'its shoes have not left the books' END,
                CASE WHEN o.status IN ('paid', 'dispatched') AND i.order_id IS NULL THEN 'it has no invoice' END) AS what,
                o.status = 'cancelled' AS is_cancelled
            FROM orders.orders AS o
            LEFT JOIN stock.reservations AS r ON r.order_id = o.id
            LEFT JOIN payment.charges AS c ON c.order_id = o.id AND c.status = 'charged'
            LEFT JOIN logistics.bookings AS b ON b.order_id = o.id AND b.status = 'booked'
            LEFT JOIN payment.refunds AS f ON f.order_id = o.id
            LEFT JOIN orders.invoices AS i ON i.order_id = o.id
        )
        SELECT b.id, b.is_under_way, coalesce(nullif(b.what, ''), 'its messages are not handled'), moving.key IS NOT NULL,
            dead.key IS NOT NULL
        FROM business AS b
        LEFT JOIN moving ON moving.key = b.id::text
        LEFT JOIN dead ON dead.key = b.id::text
        WHERE b.what <> '' OR (b.is_cancelled AND (moving.key IS NOT NULL OR dead.key IS NOT NULL))
        """
    private static let counts: Statement = """
        SELECT status, rejection, count(*) FROM orders.orders GROUP BY status, rejection
        """
    private static let orders: Statement = "SELECT id FROM orders.orders"
    /// What a step has on record about an order stays, should the order itself have vanished.
    private static let lost: Statement = """
        SELECT id FROM (
            SELECT unnest($1::uuid[]) UNION SELECT order_id FROM orders.order_lines
            UNION SELECT order_id FROM payment.charges UNION SELECT order_id FROM logistics.bookings
        ) AS n (id)
        WHERE NOT EXISTS (SELECT FROM orders.orders AS o WHERE o.id = n.id)
        """
    private static let missing: Statement = """
        SELECT id FROM unnest($1::uuid[]) AS n (id)
        WHERE NOT EXISTS (SELECT FROM orders.orders AS o WHERE o.id = n.id)
        """
}
