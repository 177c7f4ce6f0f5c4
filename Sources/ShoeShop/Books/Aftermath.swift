public import Postgres

/// What a bad day left behind, as customers and the people who clean up see it: who has shoes, and who was left alone
/// with money gone.
///
/// Reads the third parties' own ledgers and the shop's tables, and so compares any two shops that keep these tables: one of
/// workers with queues between them, or one that does everything inside a request. Of an order that a request is still
/// working on nothing tells that anybody drives it on; read it once nobody orders any more.
public struct Aftermath: Hashable, Sendable, Codable {
    /// Orders that came to an end which their customers know of: delivered, rejected or cancelled.
    public let finished: Int
    /// Orders on their way, with a message that drives them on, or that does so once its dead letter is redriven.
    public let underWay: Int
    /// Orders that came to no end, and nothing drives them on.
    public let failed: Int
    /// Orders whose parcel is booked at the carrier.
    public let delivered: Int
    /// Orders that the payment provider charged and did not refund, without a parcel at the carrier.
    public let paidNotDelivered: Int
    /// Orders with shoes set aside, without a parcel at the carrier and with nothing that drives them on.
    public let reservedForNothing: Int
    /// Orders that hold money or shoes without a parcel, with nothing that drives them on.
    public let toUndoByHand: Int

    /// Reads everything once.
    ///
    /// - Parameter ledgers: fetches the third parties' books. It is called after ours are read, as in
    ///   ``Books/audit(_:accepted:ledgers:)``: an order that came in between isn't counted.
    public static func read(
        _ database: Database, ledgers: () async throws -> ProviderLedgers
    ) async throws -> Aftermath {
        let orders = try await Standing.read(database)
        let theirs = try await ledgers()
        let strangers = theirs.orders.subtracting(orders.map(\.id))
        let lost = try await Snapshot.missing(Array(strangers), in: database)
        return Aftermath(orders + lost.map(Standing.init(lost:)), theirs)
    }

    init(_ orders: [Standing], _ theirs: ProviderLedgers) {
        let refunded = Set(theirs.refunds.map(\.orderID))
        let paid = Set(theirs.charges.map(\.orderID)).subtracting(refunded)
        let booked = Set(theirs.bookings.map(\.orderID))
        let unserved = orders.filter { !booked.contains($0.id.description) }
        let abandoned = unserved.filter { !$0.isDriven }
        finished = orders.count(where: \.isFinished)
        underWay = orders.count { !$0.isFinished && $0.isDriven }
        failed = orders.count { !$0.isFinished && !$0.isDriven }
        delivered = booked.count
        paidNotDelivered = unserved.count { paid.contains($0.id.description) }
        reservedForNothing = abandoned.count(where: \.holdsShoes)
        toUndoByHand = abandoned.count { $0.holdsShoes || paid.contains($0.id.description) }
    }
}

/// Where one order stands by our own tables.
struct Standing: Sendable {
    let id: OrderID
    let isFinished: Bool
    let holdsShoes: Bool
    /// A message or a dead letter of it is there.
    let isDriven: Bool

    /// Only the third parties know of it.
    init(lost id: OrderID) { self.init(id: id, isFinished: false, holdsShoes: false, isDriven: false) }

    init(id: OrderID, isFinished: Bool, holdsShoes: Bool, isDriven: Bool) {
        self.id = id
        self.isFinished = isFinished
        self.holdsShoes = holdsShoes
        self.isDriven = isDriven
    }

    static func read(_ database: Database) async throws -> [Standing] {
        try await database.read(orders) { row in
            Standing(id: try row[0], isFinished: try row[1], holdsShoes: try row[2], isDriven: try row[3])
        }
    }

    /// One statement, and so one instant. Reads the engine's log once, as the audit does.
    private static let orders: Statement = """
        WITH driven AS MATERIALIZED (
            SELECT m.key FROM mq.messages AS m WHERE NOT EXISTS (
                SELECT FROM mq.completions AS c WHERE c.queue = m.queue AND c.lane = m.lane AND c.seq = m.seq)
            UNION SELECT key FROM mq.scheduled UNION SELECT key FROM mq.dead_letters
        )
        SELECT o.id, o.status IN ('dispatched', 'rejected', 'cancelled'), r.order_id IS NOT NULL, d.key IS NOT NULL
        FROM orders.orders AS o
        LEFT JOIN stock.reservations AS r ON r.order_id = o.id AND r.state = 'reserved'
        LEFT JOIN driven AS d ON d.key = o.id::text
        """
}
