import MessageQueue
import Synchronization

/// How queues are set up, remembered for a second: each call needs it, and it hardly ever changes.
final class QueueSheets: Sendable {
    private static let life = Duration.seconds(1)
    /// As many as are looked at in a second.
    private static let most = 10_000

    private let broker: Broker
    private let state = Mutex<[QueueName: (entry: QueueEntry, readAt: ContinuousClock.Instant)]>([:])

    init(_ broker: Broker) { self.broker = broker }

    /// - Throws: `QueueError.unknownQueue`.
    func sheet(of queue: QueueName) async throws -> QueueEntry {
        let now = ContinuousClock.now
        if let known = state.withLock({ $0[queue] }), known.readAt.duration(to: now) < Self.life { return known.entry }
        let entry = try await broker.queue(queue)
        state.withLock { sheets in
            if sheets.count >= Self.most { sheets = [:] }
            sheets[queue] = (entry, now)
        }
        return entry
    }

    /// For who has just changed it.
    func forget(_ queue: QueueName) { state.withLock { $0[queue] = nil } }
}
