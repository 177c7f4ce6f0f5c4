import Foundation
import MessageQueue
import Postgres
import ShoeShop

/// What `shoeshop up` shows: the sample orders on their way, then the checked summary.
struct SampleRun: Sendable {
    let site: Site
    let screen: Screen
    let json: Bool

    /// Gives up on waiting when nothing has moved for this long.
    static let patience = Duration.seconds(60)

    /// - Parameter isLast: returns after the summary instead of keeping the shop open until the task is cancelled.
    /// - Returns: whether the books balance.
    func play(isLast: Bool) async throws -> Bool {
        try await Database.lend(site.database) { database in
            let start = ContinuousClock.now
            let books = try await submitAndWatch(database)
            let seconds = Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000
            try await show(ClosingReport(books, seconds: seconds))
            if !isLast {
                await screen.notice(try Directions(site: site, order: Samples.orders()[0]).text)
                try await Task.sleep(for: .seconds(.max / 2))
            }
            return books.balance
        }
    }

    /// Both at once: orders go in while the table shows them.
    private func submitAndWatch(_ database: Database) async throws -> Books {
        let submission = Submission(api: site.addresses.api ?? "", run: "sample-\(Int(Date().timeIntervalSince1970))")
        let orders = try Samples.orders()
        await screen.notice(
            "The shop is open; see its queues at \(site.addresses.desk ?? ""). Submitting \(orders.count) orders to \(submission.api)."
        )
        let accepted = try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await watch(database, untilIdle: false) }
            defer { tasks.cancelAll() }
            return try await submission.submit(orders)
        }
        try await watch(database, untilIdle: true)
        await screen.settle()
        return try await audit(database, accepted: accepted)
    }

    /// Holds the database against itself, the providers' ledgers and what the customers were told.
    func audit(_ database: Database, accepted: [OrderID]) async throws -> Books {
        try await Books.audit(database, accepted: accepted) { try await ledgers() }
    }

    /// Draws the queues twice a second, until they are all empty or nothing has moved for long. A database that is away is
    /// one in which nothing moves.
    func watch(_ database: Database, untilIdle: Bool) async throws {
        let broker = Broker(database)
        var before: [QueueStatistics] = []
        var lastMove = ContinuousClock.now
        while true {
            let now = (try? await broker.statistics()) ?? before
            await screen.refresh(QueueReport.table(QueueReport.reports(now, since: before)).lines)
            if now.map(\.claimed) != before.map(\.claimed) { lastMove = .now }
            before = now
            let isIdle =
                !now.isEmpty && now.allSatisfy { $0.depth + $0.inFlight + $0.scheduled + $0.retrying + $0.held == 0 }
            if untilIdle, isIdle || ContinuousClock.now - lastMove > Self.patience { return }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    private func ledgers() async throws -> ProviderLedgers {
        let payment = try await HTTP.send(.get, "\(site.addresses.payment ?? "")/ledger").require(200..<300)
        let logistics = try await HTTP.send(.get, "\(site.addresses.logistics ?? "")/ledger").require(200..<300)
        return try ProviderLedgers(payment: payment.body, logistics: logistics.body)
    }

    private func show(_ report: ClosingReport) async throws {
        if json { try Output.printJSON(report) } else { await screen.notice(report.text) }
    }
}
