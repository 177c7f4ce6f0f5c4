import MessageQueue
import Postgres
import Synchronization

/// Looks at the shop a few times a second. A database that is away leaves gaps.
struct Sampler: Sendable {
    let database: Database
    let customers: CustomerNotes
    let clock: StoryClock
    let onSample: @Sendable (Sample) async -> Void

    private static let interval = Duration.milliseconds(250)
    private static let limit = Duration.seconds(1)

    /// Samples until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await onSample(await look())
            try? await Task.sleep(for: Self.interval)
        }
    }

    func look() async -> Sample {
        let counts = customers.counts
        async let numbers = try? database.query(Self.numbers, within: Self.limit) { row in
            (delivered: try row[0, as: Int.self], retried: try row[1, as: Int.self])
        }.first
        let queues = try? await Broker(database).statistics()
        let found = await numbers ?? nil
        return Sample(
            at: clock.now, accepted: counts.accepted, failed: counts.failed, delivered: found?.delivered,
            retried: found?.retried,
            queues: queues.map { all in
                Dictionary(uniqueKeysWithValues: all.map { ($0.queue.text, Sample.Queue($0)) })
            })
    }

    private static let numbers: Statement = """
        SELECT (SELECT count(*) FROM orders.orders WHERE status = 'dispatched'),
            (SELECT count(*) FROM mq.completions WHERE outcome = 'r')
        """
}

extension Sample.Queue {
    init(_ statistics: QueueStatistics) {
        self.init(
            depth: statistics.depth, inFlight: statistics.inFlight,
            notDue: statistics.scheduled + statistics.retrying + statistics.held,
            dead: statistics.dead)
    }

    /// Nothing is left that would get done by itself.
    var isIdle: Bool { depth + inFlight + notDue == 0 }
}

/// The samples of a run.
final class SampleNotes: Sendable {
    private let state = Mutex<[Sample]>([])

    func note(_ sample: Sample) { state.withLock { $0.append(sample) } }
    var all: [Sample] { state.withLock { $0 } }
}
