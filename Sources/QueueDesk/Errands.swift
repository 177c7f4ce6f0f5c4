import HTTPTypes
import Logging

/// What takes longer than a page: carried out one beside the other, in the desk's service, and broken off with it.
final class Errands: Sendable {
    typealias Errand = @Sendable () async throws -> Void

    private let queue: (stream: AsyncStream<Errand>, continuation: AsyncStream<Errand>.Continuation)
    private let logger: Logger

    private static let mostWaiting = 100

    init(logger: Logger) {
        queue = AsyncStream.makeStream(of: Errand.self, bufferingPolicy: .bufferingOldest(Self.mostWaiting))
        self.logger = logger
    }

    /// - Throws: ``Refusal`` when more is waiting than anybody would look after.
    func ask(_ errand: @escaping Errand) throws {
        guard case .enqueued = queue.continuation.yield(errand) else {
            throw Refusal(.serviceUnavailable, "Too much is waiting to be done, or the desk is about to stop.")
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
