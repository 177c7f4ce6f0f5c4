import MessageQueue
import Postgres

/// How fast one worker process empties a stored backlog, its step doing nothing.
public struct DrainBenchmark: Benchmark {
    public let name = "drain"
    public let about = "A stored backlog emptied by one worker process; floor: bare INSERTs of the same messages"
    private let messages: Int?

    public init(messages: Int? = nil) { self.messages = messages }

    public func run(in lab: Lab) async throws -> [Reading] {
        let count = messages ?? lab.size(200_000, smoke: 2_000)
        return try await lab.withDatabase { database in
            let broker = Broker(database)
            try await broker.declare(queue: Workload.queue.name)
            try await BareLog.create(in: database)
            await lab.say("storing \(count) rows by bare INSERTs")
            let floor = try await BareLog.fill(count, batch: 100, threads: 4, on: database.conninfo)
            await lab.say("storing \(count) messages")
            try await Workload.store(count, in: broker)
            await lab.say("draining them")
            let drained = try await Self.drain(count, of: broker, in: lab)
            try await Self.check(count, in: database)
            return [
                Reading(
                    "drain", Double(count) / drained.seconds, "messages/s", floor: floor, target: .ratioAtLeast(0.8)),
                Reading("drain: worker processor time", drained.worker / Double(count) * 1e6, "µs/message"),
                Reading("drain: server processor time", drained.server / Double(count) * 1e6, "µs/message"),
            ]
        }
    }

    struct Drained {
        /// From the moment that the worker, running and connected, was allowed to begin, until all was committed.
        let seconds: Double
        /// Processor seconds.
        let worker, server: Double
    }

    static func drain(_ count: Int, of broker: Broker, in lab: Lab) async throws -> Drained {
        let database = broker.database
        try await broker.pause(Workload.queue.name)
        let worker = BenchWorker(queue: Workload.queue.name, work: .nothing)
        return try await lab.withWorker(worker, on: database.conninfo) { worker in
            let before = (ProcessUse.seconds(of: worker.processID), try await ProcessUse.ofBackends(of: database))
            let start = ContinuousClock.now
            try await broker.resume(Workload.queue.name)
            try await worker.handled(count)
            let seconds = start.secondsUntilNow
            return Drained(
                seconds: seconds, worker: ProcessUse.seconds(of: worker.processID) - before.0,
                server: try await ProcessUse.ofBackends(of: database) - before.1)
        }
    }

    /// Every id that was stored is done, once.
    static func check(_ count: Int, in database: Database) async throws {
        let sums = try await database.query(
            """
            SELECT count(*), count(DISTINCT m.id), count(*) FILTER (WHERE d.outcome = 'd')
            FROM mq.messages m LEFT JOIN mq.completions d USING (queue, lane, seq)
            """
        ) { row in [try row[0, as: Int.self], try row[1, as: Int.self], try row[2, as: Int.self]] }
        guard sums == [[count, count, count]] else {
            throw BenchmarkFailure("of \(count) messages, these were stored, distinct and done: \(sums)")
        }
    }
}
