package import Logging
import Synchronization

/// What operators ask for and takes longer than a page or a request: carried out one beside the other, in the service of the program
/// that was asked, and broken off with it. How far an action has come stands in the database.
package final class Errands: Sendable {
    package typealias Errand = @Sendable () async throws -> Void

    /// More is under way than anybody would look after, or the service has ended.
    package struct AreTooMany: Error {}

    private let queue: (stream: AsyncStream<Errand>, continuation: AsyncStream<Errand>.Continuation)
    private let logger: Logger
    /// Asked for, and not ended.
    private let underWay = Atomic(0)

    package static let most = 100

    package init(logger: Logger) {
        queue = AsyncStream.makeStream(of: Errand.self)
        self.logger = logger
    }

    package func ask(_ errand: @escaping Errand) throws(AreTooMany) {
        guard underWay.add(1, ordering: .relaxed).newValue <= Self.most,
            case .enqueued = queue.continuation.yield(errand)
        else {
            underWay.subtract(1, ordering: .relaxed)
            throw AreTooMany()
        }
    }

    /// Asks for an action, and waits until it has begun: what keeps it from that, whoever asked is told. It goes on when this has
    /// returned.
    ///
    /// - Parameter act: tells the action's number once it has begun.
    /// - Returns: the number; nil when there was nothing to do.
    /// - Throws: ``AreTooMany``, and what kept the action from its beginning.
    package func begin(
        _ act: @escaping @Sendable (_ onBegin: @escaping @Sendable (Int64) -> Void) async throws -> Void
    ) async throws -> Int64? {
        let (numbers, teller) = AsyncThrowingStream<Int64, any Error>.makeStream()
        try ask {
            do {
                try await act { teller.yield($0) }
                teller.finish()
            } catch {
                teller.finish(throwing: error)
                throw error
            }
        }
        return try await numbers.first { _ in true }
    }

    /// Carries out what is asked for, until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await errand in queue.stream { group.addTask { await self.carryOut(errand) } }
            group.cancelAll()
        }
    }

    private func carryOut(_ errand: Errand) async {
        defer { underWay.subtract(1, ordering: .relaxed) }
        do { try await errand() } catch {
            logger.info("an operator's action was broken off", metadata: ["error": "\(error)"])
        }
    }
}
