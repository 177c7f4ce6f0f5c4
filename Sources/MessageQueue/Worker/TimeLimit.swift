import Postgres
import Synchronization

/// Runs `body`, and cancels it once the limit has passed.
///
/// - Throws: what `body` throws, or ``PostgresError`` of kind `deadlineExceeded`.
func cancelled(after limit: Duration, _ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw PostgresError(.deadlineExceeded, "not done within \(limit)")
        }
        try await group.next()
        group.cancelAll()
    }
}

/// Cancels work that takes too long.
///
/// All of it has the same limit, so one clock that looks around now and then does for all, where a timer for each would cost
/// more than much of the work. What is too late is cancelled within a tenth of the limit.
final class TimeLimit: Sendable {
    private struct State {
        var next = 0
        var work: [Int: (end: ContinuousClock.Instant, cancel: @Sendable () -> Void)] = [:]
    }

    private let limit: Duration
    private let name: String
    private let watchdog: Watchdog
    private let state = Mutex(State())

    /// - Parameter name: what the work is called at the watchdog, which tells when it goes on in spite of having been cancelled.
    init(_ limit: Duration, of name: String, at watchdog: Watchdog) {
        self.limit = limit
        self.name = name
        self.watchdog = watchdog
    }

    /// How much longer cancelled work may take to return.
    private static let grace = Duration.seconds(30)

    /// Runs `body` while somebody looks around.
    func watch(during body: () async -> Void) async {
        await withTaskGroup(of: Void.self) { watch in
            watch.addTask { await self.lookAround() }
            await body()
            watch.cancelAll()
        }
    }

    private func lookAround() async {
        while (try? await Task.sleep(for: limit / 10)) != nil {
            let now = ContinuousClock.now
            let late = state.withLock { state in state.work.values.filter { $0.end <= now }.map(\.cancel) }
            for cancel in late { cancel() }
        }
    }

    /// Runs `action`, and cancels it once the limit has passed.
    ///
    /// - Throws: ``StepTimedOut`` when it was cancelled for that.
    func enforce<T: Sendable>(_ action: @escaping @Sendable () async throws -> T) async throws -> T {
        let pulse = watchdog.pulse(ofTask: name)
        pulse.beat(within: limit * 1.1 + Self.grace)
        // Awaited here: a task of its own, so that it can be cancelled alone.
        let task = Task { try await action() }
        let end = ContinuousClock.now + limit
        let id = state.withLock { state in
            state.next += 1
            let cancel: @Sendable () -> Void = { task.cancel() }
            state.work[state.next] = (end, cancel)
            return state.next
        }
        defer { state.withLock { _ = $0.work.removeValue(forKey: id) } }
        do {
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch  where end <= .now {
            throw StepTimedOut(limit: limit)
        }
    }
}
