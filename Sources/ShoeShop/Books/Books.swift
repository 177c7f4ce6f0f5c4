public import Postgres

/// The four books that must balance at any instant, and after any disaster.
///
/// 1. stock: on hand + reserved + taken = delivered, for every article, and what the reservations add up to.
/// 2. money: the payment provider's ledger equals ours: one charge per paid order, one refund per refunded one.
/// 3. parcels: the carrier's ledger equals ours: at most one booking per order.
/// 4. orders: every accepted order is there, and is finished, driven on by a message, or explained by a dead letter.
public struct Books: Sendable {
    public let summary: Summary
    public let violations: [Violation]
    public var balance: Bool { violations.isEmpty }

    /// Audits a shop, running or not.
    ///
    /// - Parameters:
    ///   - accepted: the orders that were answered with 202, as far as the caller knows.
    ///   - ledgers: fetches the third parties' books. It is called after ours are read: they may be ahead of us while
    ///     an order is under way, and never behind.
    public static func audit(
        _ database: Database, accepted: [OrderID] = [], ledgers: () async throws -> ProviderLedgers
    ) async throws -> Books {
        let ours = try await Snapshot.read(database, accepted: accepted)
        let theirs = try await ledgers()
        let strangers = theirs.orders.subtracting(ours.orders)
        let newcomers = strangers.subtracting(try await Snapshot.missing(Array(strangers), in: database))
        return Books(ours, theirs, newcomers: newcomers)
    }

    /// The numbers without the audit. Reads all orders and the engine's whole log: not for every second.
    public static func summary(_ database: Database, accepted: [OrderID] = []) async throws -> Summary {
        Summary(try await Snapshot.read(database, accepted: accepted))
    }

    /// - Parameter newcomers: orders that came after our snapshot, and before their ledgers were read.
    init(_ ours: Snapshot, _ theirs: ProviderLedgers, newcomers: Set<OrderID> = []) {
        // An order that nothing drives on has no step that could be between an answer and our commit.
        let moving = ours.open.filter { $0.isMoving || $0.isDead }.map(\.orderID)
        let underWay = Set(newcomers.union(moving).map(\.description))
        let charges = LedgerComparison(book: .money, noun: "charge", underWay: underWay)
        let refunds = LedgerComparison(book: .money, noun: "refund", underWay: underWay)
        let bookings = LedgerComparison(book: .parcels, noun: "booking", underWay: underWay)
        summary = Summary(ours)
        violations =
            ours.items.flatMap(\.violations)
            + charges.violations(ours: ours.charges, theirs: theirs.charges)
            + refunds.violations(ours: ours.refunds, theirs: theirs.refunds)
            + bookings.violations(ours: ours.bookings, theirs: theirs.bookings)
            + ours.open.compactMap(\.violation)
            + ours.missing.map {
                Violation(book: .orders, subject: $0.description, detail: "accepted, but not in the database")
            }
    }
}

extension Snapshot.Item {
    var violations: [Violation] {
        var details: [String] = []
        if onHand + reserved + taken != delivered {
            details.append("\(onHand) on hand + \(reserved) reserved + \(taken) taken is not \(delivered) delivered")
        }
        if min(onHand, reserved, taken) < 0 { details.append("less than nothing: \(onHand), \(reserved), \(taken)") }
        if reserved != heldByOrders { details.append("\(reserved) reserved, but \(heldByOrders) by the reservations") }
        if taken != takenByOrders { details.append("\(taken) taken, but \(takenByOrders) by the reservations") }
        return details.map { Violation(book: .stock, subject: sku, detail: $0) }
    }
}

extension Snapshot.Business {
    var violation: Violation? {
        guard !isMoving, !isDead else { return nil }
        return Violation(book: .orders, subject: orderID.description, detail: "nothing drives it on: \(what)")
    }
}
