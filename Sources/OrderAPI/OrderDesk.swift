import Launch
import MessageQueue
import Postgres
import ShoeShop

/// Takes submissions in: those that wait at the same time are committed together, in one transaction.
struct OrderDesk: Sendable {
    private let group: GroupCommit<Submission, SubmissionOutcome>

    /// Nobody waits longer than this for the database.
    private static let limit = Duration.seconds(5)
    /// With what it takes to leave a connection that has fallen silent.
    private static let longestCommit = Duration.seconds(20)

    init(_ shop: Shop, ordersPerTransaction: Int) {
        let orders = SubmitOrders(shop.broker)
        let (database, watchdog) = (shop.database, shop.broker.watchdog)
        // Together, one transaction at a time does most; transactions of one order each take every connection there is.
        let lines = ordersPerTransaction > 1 ? 1 : database.options.connectionLimit
        group = GroupCommit(
            limit: ordersPerTransaction, lines: lines, linger: Linger(factor: 2, longest: .milliseconds(20))
        ) { waiting in
            let pulse = watchdog.pulse(ofTask: "accept orders")
            pulse.beat(within: Self.longestCommit)
            return try await database.write(within: Self.limit) { try orders.commit(waiting, in: $0) }
        }
    }

    func submit(_ submission: Submission) async throws -> SubmissionOutcome { try await group.submit(submission) }
}

extension Settings {
    static let ordersPerTransaction = Setting(
        "orders-per-transaction", default: 200, in: 1...10_000,
        "The most orders that are committed together; 1 gives each a transaction of its own.")
}
