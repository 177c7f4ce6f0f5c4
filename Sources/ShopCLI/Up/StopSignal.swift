import Dispatch
import Foundation

/// The wish to stop: SIGINT (Ctrl-C) or SIGTERM. The second one is obeyed at once.
final class StopSignal: Sendable {
    private let signals: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (signals, continuation) = AsyncStream<Void>.makeStream()
        let count = Counter()
        self.signals = signals
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: count.queue)
            source.setEventHandler {
                // The death watches clean up.
                if count.isSecond() { _exit(128 + number) }
                continuation.yield()
            }
            source.resume()
            return source
        }
    }

    /// Runs `body` until it ends or a signal comes; nil then.
    func interrupt<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T? {
        try await withThrowingTaskGroup(of: T?.self) { tasks in
            tasks.addTask { try await body() }
            tasks.addTask { [signals] in
                for await _ in signals { break }
                return nil
            }
            defer { tasks.cancelAll() }
            return try await tasks.next() ?? nil
        }
    }

    /// Confined to its queue.
    private final class Counter: Sendable {
        let queue = DispatchQueue(label: "shoeshop.signals")
        private let first = DispatchSemaphore(value: 1)

        func isSecond() -> Bool { first.wait(timeout: .now()) == .timedOut }
    }
}
