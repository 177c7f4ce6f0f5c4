import Dispatch
import Foundation

/// The wish to stop: SIGINT (Ctrl-C) or SIGTERM. The second one is obeyed at once.
final class StopSignal: Sendable {
    private let signals: AsyncStream<Void>

    init() {
        let (signals, continuation) = AsyncStream<Void>.makeStream()
        self.signals = signals
        let queue = DispatchQueue(label: "shoeshop.signals")
        let isFirst = DispatchSemaphore(value: 1)
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                // The handler keeps its source alive, for as long as the process lives.
                _ = source
                // The death watches clean up.
                if isFirst.wait(timeout: .now()) == .timedOut { _exit(128 + number) }
                continuation.yield()
            }
            source.resume()
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
}
