import Foundation
import Logging
import Postgres
import ServiceLifecycle
import Synchronization
import TestSupport

@testable import MessageQueue

/// What a worker told, and a way to wait for it.
final class EventLog: Sendable {
    private struct Waiter {
        let isContent: @Sendable ([WorkerEvent]) -> Bool
        let continuation: CheckedContinuation<Bool, Never>
    }
    private struct State {
        var events: [WorkerEvent] = []
        var waiters: [Int: Waiter] = [:]
        var nextID = 0
    }
    private let state = Mutex(State())

    var events: [WorkerEvent] { state.withLock { $0.events } }

    func record(_ event: WorkerEvent) {
        let content = state.withLock { state in
            state.events.append(event)
            let content = state.waiters.filter { $0.value.isContent(state.events) }
            for id in content.keys { state.waiters[id] = nil }
            return content.values.map(\.continuation)
        }
        for continuation in content { continuation.resume(returning: true) }
    }

    func wait(
        _ what: String, within limit: Duration = .seconds(120),
        until isContent: @escaping @Sendable ([WorkerEvent]) -> Bool
    ) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let timer = Task {
            try await Task.sleep(for: limit)
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume(returning: false)
        }
        defer { timer.cancel() }
        let happened = await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if isContent(state.events) { return true }
                state.waiters[id] = Waiter(isContent: isContent, continuation: continuation)
                return false
            }
            if isDone { continuation.resume(returning: true) }
        }
        guard happened else { throw NeverHappened(description: "\(what); but: \(events.suffix(20))") }
    }

    func done(_ count: Int, within limit: Duration = .seconds(120)) async throws {
        try await wait("\(count) done", within: limit) { $0.doneCount >= count }
    }

    func connected() async throws {
        try await wait("connected") { events in events.contains { if case .connected = $0 { true } else { false } } }
    }
}

extension [WorkerEvent] {
    var doneCount: Int { reduce(0) { if case .done(_, let count) = $1 { $0 + count } else { $0 } } }
    var releasedCount: Int { reduce(0) { if case .released(_, let count) = $1 { $0 + count } else { $0 } } }
    var deadReasons: [String] { compactMap { if case .deadLettered(_, _, let reason, _) = $0 { reason } else { nil } } }
    var leaseLostCount: Int { filter { if case .leaseLost = $0 { true } else { false } }.count }
    var consumers: [Int64] { compactMap { if case .connected(let id) = $0 { id } else { nil } } }
}

extension Bench {
    /// A broker of another process, as it were.
    func another() -> Broker { Broker(database, logger: broker.logger) }

    /// A broker that goes by what it has read for ever, until it is refused.
    static func trusting(_ database: Database) -> Broker {
        let logger = Logger(label: "trusting")
        let watchdog = Watchdog(logger: logger)
        let doorbell = Doorbell(database, watchdog: watchdog, logger: logger)
        return Broker(database, doorbell: doorbell, watchdog: watchdog, logger: logger, trust: .seconds(86_400))
    }

    /// Where nobody who waits is looked for now and then: what comes to them was rung for, or known to become due.
    func patient() -> Bench {
        let logger = broker.logger
        let watchdog = Watchdog(logger: logger)
        let doorbell = Doorbell(database, watchdog: watchdog, logger: logger)
        return Bench(
            self,
            using: Broker(database, doorbell: doorbell, watchdog: watchdog, logger: logger, rest: .seconds(3600)))
    }

    /// Runs a worker around `body`, then shuts it down gracefully and waits for its end.
    func work(
        _ steps: [any WorkerStep], _ options: WorkerOptions = WorkerOptions(), named name: String = "worker",
        _ body: @Sendable (EventLog) async throws -> Void
    ) async throws {
        let log = EventLog()
        var options = options
        options.onEvent = { log.record($0) }
        let worker = Worker(name, broker: another(), steps: steps, options: options)
        let services = ServiceGroup(services: [worker], logger: broker.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            do { try await body(log) } catch {
                await services.triggerGracefulShutdown()
                throw error
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        }
    }

    func createEffects() async throws { try await database.script("CREATE TABLE effect (size int)") }

    /// How many sizes had an effect, and how many had more than one.
    func effects() async throws -> [Int] {
        try await database.query(
            "SELECT count(*), count(*) FILTER (WHERE n > 1) FROM (SELECT count(*) AS n FROM effect GROUP BY size) AS e"
        ) { [try $0[0, as: Int.self], try $0[1, as: Int.self]] }[0]
    }
}

/// Leaves an effect for each shoe, after `inspect` has agreed.
struct Lace: Step {
    let queue = Queue<Shoe>("shoes")
    var options = StepOptions(batch: 50, concurrency: 2)
    var inspect: @Sendable ([Delivery<Shoe>], borrowing Session) throws -> Void = { _, _ in }

    func commit(_ batch: [Delivery<Shoe>], in session: borrowing Session) throws {
        session.pipeline("INSERT INTO effect SELECT unnest($1::int[])", batch.map { Int32($0.payload.size) })
        try inspect(batch, session)
    }
}

/// Prepares each shoe by a closure, then leaves an effect.
struct Polish: PreparingStep {
    let queue = Queue<Shoe>("shoes")
    var options = StepOptions(batch: 50, concurrency: 16)
    let work: @Sendable (Delivery<Shoe>) async throws -> Void

    func prepare(_ delivery: Delivery<Shoe>) async throws -> Int32 {
        try await work(delivery)
        return Int32(delivery.payload.size)
    }

    func commit(_ batch: [PreparedDelivery<Shoe, Int32>], in session: borrowing Session) throws {
        session.pipeline("INSERT INTO effect SELECT unnest($1::int[])", batch.map(\.prepared))
    }
}
