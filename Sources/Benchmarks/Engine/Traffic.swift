import Foundation
import MessageQueue
import Postgres
import Synchronization

/// Messages at a constant rate, each when its time has come, whatever became of those before (an open loop): a slow moment
/// is seen by all that meet it.
final class Traffic: Sendable {
    /// Readings of the monotonic clock, in nanoseconds.
    struct Times: Sendable {
        var due: UInt64
        /// When the sender knew that it is stored; nil when it doesn't.
        var committed: UInt64?
    }

    private let broker: Broker
    private let perSecond: Double
    private let times = Mutex<[UUID: Times]>([:])
    private let failures = Mutex<[String]>([])

    init(through broker: Broker, perSecond: Double) {
        self.broker = broker
        self.perSecond = perSecond
    }

    var sent: [UUID: Times] { times.withLock { $0 } }

    /// The first of the errors that sending met.
    var failure: String? { failures.withLock { $0.first } }

    /// Sends for so long, and waits until every message is stored or refused.
    func run(for seconds: Double) async throws {
        let start = ContinuousClock.now
        let begin = Monotonic.nanoseconds
        try await withThrowingDiscardingTaskGroup { group in
            for number in 0..<Int(seconds * perSecond) {
                let offset = Double(number) / perSecond
                try await Task.sleep(until: start + .seconds(offset), tolerance: .zero, clock: .continuous)
                group.addTask { await self.send(due: begin + UInt64(offset * 1e9)) }
            }
        }
    }

    private func send(due: UInt64) async {
        let message = Outgoing(Workload.payload)
        let id = message.id.uuid
        times.withLock { $0[id] = Times(due: due) }
        do {
            try await broker.database.write { session in
                // Before the engine rings: actions run in this order.
                session.afterCommit {
                    let now = Monotonic.nanoseconds
                    self.times.withLock { $0[id]?.committed = now }
                }
                try self.broker.send([message], to: Workload.queue, in: session)
            }
        } catch {
            failures.withLock { $0.append("\(error)") }
        }
    }

    /// From the commit to this moment, in milliseconds; nil for a message that was not sent here.
    func delay(of id: UUID, until nanoseconds: UInt64) -> Double? {
        times.withLock { times in
            times[id].map { Self.milliseconds(from: $0.committed ?? nanoseconds, to: nanoseconds) }
        }
    }

    /// A handler may begin before its sender knows of the commit: that is no time at all.
    static func milliseconds(from start: UInt64, to end: UInt64) -> Double {
        end > start ? Double(end - start) / 1e6 : 0
    }
}
