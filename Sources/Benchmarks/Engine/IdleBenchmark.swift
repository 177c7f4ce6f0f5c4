import Foundation
import MessageQueue
import Postgres

/// What a worker without work asks of the server and holds of memory, how soon it is there, and whether it still wakes at once.
public struct IdleBenchmark: Benchmark {
    public let name = "idle"
    public let about =
        "A worker process without work: its statements (pg_stat_database), its memory, how soon it is there"
    private let seconds: Double?

    public init(seconds: Double? = nil) { self.seconds = seconds }

    public func run(in lab: Lab) async throws -> [Reading] {
        let seconds = seconds ?? lab.size(30, smoke: 2)
        return try await lab.withDatabase { database in
            let broker = Broker(database)
            try await broker.declare(queue: Workload.queue.name)
            let worker = BenchWorker(queue: Workload.queue.name, work: .stamp)
            return try await lab.withWorker(worker, on: database.conninfo) { worker in
                await lab.say("letting the worker rest, then counting for \(Int(seconds)) s")
                try await Task.sleep(for: .seconds(lab.size(12, smoke: 1)))
                let rate = try await Self.transactionsPerSecond(for: seconds, in: database)
                let memory = Double(ProcessUse.memory(of: worker.processID)) / 1e6
                let latency = try await Self.wake(worker, through: broker)
                return [
                    Reading(
                        "start of a worker, until it listens", worker.startTime * 1000, "ms", target: .valueAtMost(300)),
                    Reading("memory of an idle worker", memory, "MB", target: .valueAtMost(40)),
                    Reading("statements of an idle worker", rate, "per second", target: .valueAtMost(2)),
                    Reading("commit to handler after idling", latency, "ms", target: .valueAtMost(20)),
                ]
            }
        }
    }

    static func transactionsPerSecond(for seconds: Double, in database: Database) async throws -> Double {
        let before = try await transactions(in: database)
        let start = ContinuousClock.now
        try await Task.sleep(for: .seconds(seconds))
        // Our own first reading is among those counted since.
        let after = try await transactions(in: database) - 1
        return max(0, Double(after - before)) / start.secondsUntilNow
    }

    static func transactions(in database: Database) async throws -> Int {
        try await database.query(
            """
            SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()
            """
        ) { try $0[0, as: Int.self] }.first ?? 0
    }

    private static func wake(_ worker: LabWorker, through broker: Broker) async throws -> Double {
        let traffic = Traffic(through: broker, perSecond: 1)
        try await traffic.run(for: 1)
        return try await within(.seconds(30), waitingFor: "the idle worker to wake") {
            for await case .began(let id, let time) in worker.reports {
                if let delay = traffic.delay(of: id, until: time) { return delay }
            }
            throw BenchmarkFailure("the worker ended")
        }
    }
}
