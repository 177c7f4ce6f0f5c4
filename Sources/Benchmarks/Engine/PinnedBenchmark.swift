import MessageQueue
import Postgres

/// Whether a transaction that somebody forgot to end slows the queue.
public struct PinnedBenchmark: Benchmark {
    public let name = "pinned"
    public let about =
        "Beside a transaction left open, after traffic under it; floor: the same without it, before and after"
    private let span: Double?

    /// - Parameter span: seconds of traffic under the open transaction before it is measured.
    public init(under span: Double? = nil) { self.span = span }

    public func run(in lab: Lab) async throws -> [Reading] {
        let span = span ?? lab.size(60, smoke: 1)
        return try await lab.withDatabase { database in
            let broker = Broker(database)
            try await broker.declare(queue: Workload.queue.name)
            // Before and after, since the log grows all the time, and a longer one costs more whoever looks at it.
            await lab.say("without an open transaction")
            let before = try await Self.measure(broker, in: lab)
            let (pinned, dead) = try await Self.measurePinned(broker, for: span, in: lab)
            await lab.say("without it again")
            let after = try await Self.measure(broker, in: lab)
            return Self.readings(free: .mean(before, after), pinned)
                + [
                    Reading(
                        "dead rows by traffic, log and lanes", Double(dead.hot),
                        "of \(Int(span * Self.perSecond)) messages",
                        target: .valueAtMost(0)),
                    Reading(
                        "dead rows by traffic, all of mq", Double(dead.all), "of \(Int(span * Self.perSecond)) messages"
                    ),
                ]
        }
    }

    /// With an open transaction, and how many rows died under it by traffic.
    private static func measurePinned(
        _ broker: Broker, for span: Double, in lab: Lab
    ) async throws -> (Measured, DeadRows) {
        let database = broker.database
        let pin = try PinnedSnapshot(on: database.conninfo)
        let before = try await DeadRows.count(in: database)
        await lab.say("\(Int(span)) s of traffic beside an open transaction")
        try await traffic(for: span, through: broker, in: lab)
        let after = try await DeadRows.count(in: database)
        await lab.say("beside the open transaction")
        let measured = try await measure(broker, in: lab)
        withExtendedLifetime(pin) {}
        return (measured, DeadRows(hot: after.hot - before.hot, all: after.all - before.all))
    }

    private static let perSecond = 500.0

    private struct Measured {
        let drain: Double
        /// From commit to handler start, in milliseconds.
        let p50, p99: Double

        static func mean(_ one: Measured, _ other: Measured) -> Measured {
            Measured(
                drain: (one.drain + other.drain) / 2, p50: (one.p50 + other.p50) / 2, p99: (one.p99 + other.p99) / 2)
        }
    }

    private static func readings(free: Measured, _ pinned: Measured) -> [Reading] {
        [
            Reading("drain, pinned", pinned.drain, "messages/s", floor: free.drain, target: .ratioAtLeast(0.9)),
            Reading(
                "commit to handler, p50, pinned", pinned.p50, "ms", floor: free.p50, target: .ratioAtMost(1 / 0.9)),
            Reading(
                "commit to handler, p99, pinned", pinned.p99, "ms", floor: free.p99, target: .ratioAtMost(1 / 0.9)),
        ]
    }

    private static func measure(_ broker: Broker, in lab: Lab) async throws -> Measured {
        let worker = BenchWorker(queue: Workload.queue.name, work: .stamp)
        let seconds = lab.size(8.0, smoke: 1)
        let latency = try await lab.withWorker(worker, on: broker.database.conninfo) { worker in
            try await SteadyBenchmark.measure(perSecond, for: seconds, through: broker, by: worker)
        }
        let count = lab.size(100_000, smoke: 2_000)
        try await Workload.store(count, in: broker)
        let drained = try await DrainBenchmark.drain(count, of: broker, in: lab)
        return Measured(
            drain: Double(count) / drained.seconds, p50: latency.fromCommit.median,
            p99: latency.fromCommit.percentile(0.99))
    }

    private static func traffic(for seconds: Double, through broker: Broker, in lab: Lab) async throws {
        let worker = BenchWorker(queue: Workload.queue.name, work: .nothing)
        try await lab.withWorker(worker, on: broker.database.conninfo) { worker in
            try await Traffic(through: broker, perSecond: perSecond).run(for: seconds)
            try await worker.handled(Int(seconds * perSecond))
        }
    }
}

/// Rows that are dead, as the statistics count them.
struct DeadRows: Sendable, Equatable {
    /// In the tables that every message goes through.
    let hot: Int
    let all: Int

    static func count(in database: some DatabaseAccess) async throws -> DeadRows {
        // What other sessions have counted comes in at most a second after their last statement.
        try await Task.sleep(for: .seconds(1.5))
        let sums = try await database.query(
            """
            SELECT coalesce(sum(n_dead_tup) FILTER (WHERE relname ~ '^(messages|claims|completions)_|^lanes$'), 0)::bigint,
                coalesce(sum(n_dead_tup), 0)::bigint
            FROM pg_stat_user_tables WHERE schemaname = 'mq'
            """
        ) { row in DeadRows(hot: try row[0], all: try row[1]) }
        return sums.first ?? DeadRows(hot: 0, all: 0)
    }
}
