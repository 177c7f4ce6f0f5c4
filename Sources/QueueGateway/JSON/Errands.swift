import Logging
import MessageQueue

/// What takes longer than a request: carried out in the gateway's service, and broken off with it. How far it has come stands in the
/// database, where any gateway can tell it.
final class Errands: Sendable {
    typealias Errand = @Sendable () async throws -> Void

    private let queue: (stream: AsyncStream<Errand>, continuation: AsyncStream<Errand>.Continuation)
    private let logger: Logger

    private static let mostWaiting = 100

    init(logger: Logger) {
        queue = AsyncStream.makeStream(of: Errand.self, bufferingPolicy: .bufferingOldest(Self.mostWaiting))
        self.logger = logger
    }

    /// Begins an action on dead letters, which goes on when this has returned.
    ///
    /// - Parameter act: tells the action's number once it has begun.
    /// - Returns: the number; nil when there was nothing to do.
    func begin(
        _ act: @escaping @Sendable (_ onBegin: @escaping @Sendable (Int64) -> Void) async throws -> RedriveReport
    ) async throws -> Int64? {
        let (numbers, teller) = AsyncThrowingStream<Int64, any Error>.makeStream()
        try ask {
            do {
                _ = try await act { teller.yield($0) }
                teller.finish()
            } catch {
                teller.finish(throwing: error)
                throw error
            }
        }
        return try await numbers.first { _ in true }
    }

    /// - Throws: ``Problem`` when more is waiting than anybody would look after.
    private func ask(_ errand: @escaping Errand) throws {
        guard case .enqueued = queue.continuation.yield(errand) else {
            throw Problem(.tooManyRequests, "Too much is waiting to be done, or the gateway is about to stop.")
        }
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            for await errand in queue.stream {
                group.addTask { [logger] in
                    do { try await errand() } catch {
                        logger.info("an operator's action was broken off", metadata: ["error": "\(error)"])
                    }
                }
            }
            group.cancelAll()
        }
    }
}
