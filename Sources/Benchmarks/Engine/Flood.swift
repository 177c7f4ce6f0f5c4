import Foundation
import MessageQueue
import Postgres
import Synchronization

/// Messages at a rate that needs many of them in each transaction, in an open loop: a transaction every few milliseconds,
/// whatever became of those before. Of each, the first message is marked; its delay speaks for all.
final class Flood: Sendable {
    static let mark = "timed"
    private static let interval = 0.002

    private let broker: Broker
    private let perTransaction: Int
    private let committed = Mutex<[UUID: UInt64?]>([:])
    private let failures = Mutex<[String]>([])

    init(through broker: Broker, perSecond: Double) {
        self.broker = broker
        perTransaction = max(1, Int((perSecond * Self.interval).rounded()))
    }

    /// When the sender knew that a marked message is stored, by the monotonic clock; nil while it doesn't.
    var marked: [UUID: UInt64?] { committed.withLock { $0 } }
    var failure: String? { failures.withLock { $0.first } }

    /// Sends for so long, and waits until every message is stored or refused; answers how many were sent.
    func run(for seconds: Double) async throws -> Int {
        let start = ContinuousClock.now
        let transactions = Int(seconds / Self.interval)
        try await withThrowingDiscardingTaskGroup { group in
            for number in 0..<transactions {
                let due = start + .seconds(Double(number) * Self.interval)
                try await Task.sleep(until: due, tolerance: .zero, clock: .continuous)
                group.addTask { await self.send() }
            }
        }
        return transactions * perTransaction
    }

    private func send() async {
        var messages = Workload.messages(perTransaction)
        messages[0].tag = Self.mark
        let id = messages[0].id.uuid
        committed.withLock { $0[id] = .some(nil) }
        do {
            try await broker.database.write { [messages] session in
                // Before the engine rings: actions run in this order.
                session.afterCommit {
                    let now = Monotonic.nanoseconds
                    self.committed.withLock { $0[id] = now }
                }
                try self.broker.send(messages, to: Workload.queue, in: session)
            }
        } catch {
            failures.withLock { $0.append("\(error)") }
        }
    }
}
