import Logging
import Postgres

/// What workers and gateways do for the whole database, each thing by itself: one that fails keeps none of the others from being done.
///
/// Nobody leads: whoever comes to a chore first does it, under its locks, and the next one finds nothing left to do.
package struct Housekeeping: Sendable {
    struct Chore: Sendable {
        let name: String
        let action: @Sendable () async throws -> Void
    }

    let broker: Broker
    let retention: Broker.Retention
    private let interval: Duration

    /// - Parameters:
    ///   - retention: the same in all processes of a database: the shortest counts.
    ///   - interval: from one time to the next.
    package init(broker: Broker, retention: Broker.Retention = .init(), interval: Duration = .seconds(30)) {
        self.broker = broker
        self.retention = retention
        self.interval = interval
    }

    /// A chore looks at all segments.
    private static let longestChore = Duration.seconds(600)

    /// Does all chores now and then, until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for chore in chores { group.addTask { await keepDoing(chore) } }
        }
    }

    /// Goes round however often the chore fails: a loop that stands still would be taken for stuck.
    private func keepDoing(_ chore: Chore) async {
        var rounds = Rounds()
        await broker.every({ interval }, chore.name, taking: Self.longestChore) { _ in
            guard rounds.isDue() else { return }
            do {
                try await attempt(chore)
                rounds.wentWell()
            } catch {
                rounds.failed(isPassing: (error as? PostgresError)?.isRetryable ?? false)
                throw error
            }
        }
    }

    var chores: [Chore] {
        [
            Chore(name: "open segments") {
                if let opened = try await broker.rotateIfDue(retention) { log("opened segment \(opened)") }
            },
            Chore(name: "drop segments") {
                for dropped in try await broker.dropOld(retention) { log("dropped segment \(dropped)") }
            },
            Chore(name: "fold tallies") { try await broker.database.execute(Broker.foldTallies) },
            Chore(name: "discard outdated messages") {
                let discarded = try await broker.discardOutdated()
                if discarded > 0 { log("discarded past their retention: \(CountText(discarded, "message"))") }
            },
            Chore(name: "drop half messages") {
                let dropped = try await broker.dropHalves()
                if dropped > 0 {
                    log("dropped, since nobody decided for a day: \(CountText(dropped, "half message"))")
                }
            },
            Chore(name: "forget sent keys") { try await forget(SentKeys.ofQueues.forget) },
            Chore(name: "forget published keys") { try await forget(SentKeys.ofTopics.forget) },
            Chore(name: "forget redriven messages") { try await forget(Broker.forgetRedriven) },
        ]
    }

    /// Does a chore, and makes known how it went.
    ///
    /// - Throws: what the chore threw.
    func attempt(_ chore: Chore) async throws { try await broker.attempt(chore: chore.name, chore.action) }

    /// However many have piled up.
    private func forget(_ statement: Statement) async throws {
        while try await broker.database.execute(statement) >= Broker.mostForgotten { try Task.checkCancellation() }
    }

    private func log(_ deed: String) { broker.logger.info("upkeep", metadata: ["did": "\(deed)"]) }
}
