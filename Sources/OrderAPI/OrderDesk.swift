import Postgres
import ShoeShop

/// Takes submissions in: those that wait at the same time are committed together, in one transaction.
struct OrderDesk: Sendable {
    private let group: GroupCommit<Submission, SubmissionOutcome>

    /// Nobody waits longer than this for the database.
    private static let limit = Duration.seconds(5)

    init(_ shop: Shop) {
        let orders = SubmitOrders(shop.broker)
        let database = shop.database
        group = GroupCommit(limit: 200) { waiting in
            try await database.write(within: Self.limit) { try orders.commit(waiting, in: $0) }
        }
    }

    func submit(_ submission: Submission) async throws -> SubmissionOutcome { try await group.submit(submission) }
}
