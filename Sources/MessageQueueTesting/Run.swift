import Durations
import MessageQueue
import Synchronization

/// Steps at work within a limit: knows what they are busy with, for whoever asks why it takes so long.
final class Run: Sendable {
    private let test: TestBroker
    private let limit: Duration
    private let current = Mutex<(runtime: StepRuntime, claims: TestClaims)?>(nil)

    init(_ test: TestBroker, limit: Duration) {
        self.test = test
        self.limit = limit
    }

    /// Runs one step until it has handled so many messages, or its queue is empty.
    func handle(_ step: any WorkerStep, _ entry: Catalogue.Entry, atMost count: Int) async throws -> [Handled] {
        try step.options.check(of: step.queueName)
        let claims = TestClaims(from: test.broker, atMost: count)
        let runtime = StepRuntime(
            broker: test.broker, source: claims, entry: entry, drainLimit: limit, middleware: test.middleware)
        current.withLock { $0 = (runtime, claims) }
        await step.runner.run(runtime)
        runtime.close()
        try Task.checkCancellation()
        current.withLock { $0 = nil }
        return try await test.outcomes(of: claims.taken)
    }

    /// What a step that was cut off had in its hands.
    func stop() async throws -> [Handled] {
        guard let (runtime, claims) = current.withLock({ $0 }) else { return [] }
        runtime.stop()
        return try await test.outcomes(of: claims.taken).filter { $0.outcome == .open }
    }
}

extension TestBroker {
    /// Lets `body` work for so long, and then goes on without it, even if it heeds no cancellation.
    func within<T: Sendable>(
        _ limit: Duration, _ entries: [Catalogue.Entry], _ body: @escaping @Sendable (Run) async throws -> T
    ) async throws -> T {
        let run = Run(self, limit: limit)
        let (outcomes, outcome) = AsyncStream.makeStream(of: Result<T, any Error>?.self)
        // Both are awaited here, by way of the stream; what a stubborn step does after the limit is nobody's business.
        let work = Task {
            do { outcome.yield(.success(try await body(run))) } catch { outcome.yield(.failure(error)) }
        }
        let timer = Task {
            try await Task.sleep(for: limit.bounded)
            outcome.yield(nil)
        }
        defer {
            work.cancel()
            timer.cancel()
        }
        for await first in outcomes {
            guard let first else { throw await limitReached(limit, run, work, entries) }
            return try first.get()
        }
        throw CancellationError()
    }

    private func limitReached(
        _ limit: Duration, _ run: Run, _ work: Task<Void, Never>, _ entries: [Catalogue.Entry]
    ) async -> TestError {
        do {
            let busy = try await run.stop().map { "the step is busy with \($0)" }
            work.cancel()
            return .limitReached(limit, open: busy + (try await standing(of: entries).compactMap(\.what)))
        } catch {
            return .limitReached(limit, open: ["the queues can't be read: \(error)"])
        }
    }
}
