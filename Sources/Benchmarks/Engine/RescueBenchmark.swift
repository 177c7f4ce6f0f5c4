import DeliveryCheck
import Foundation
import MessageQueue
import Postgres

/// How soon what a killed worker held is handled by another one.
public struct RescueBenchmark: Benchmark {
    public let name = "rescue"
    public let about = "kill -9 of a worker with 20 messages in flight, until another one has handled them"
    private static let messages = 20

    public init() {}

    public func run(in lab: Lab) async throws -> [Reading] {
        var times: [Double] = []
        for trial in 1...lab.size(3, smoke: 1) {
            await lab.say("trial \(trial)")
            times.append(try await lab.withDatabase { try await rescue($0, in: lab) })
        }
        let seconds = Distribution(times)
        return [
            Reading("rescue, worst of \(times.count)", seconds.largest, "s", target: .valueAtMost(3)),
            Reading("rescue, median of \(times.count)", seconds.median, "s"),
        ]
    }

    private func rescue(_ database: Database, in lab: Lab) async throws -> Double {
        let broker = Broker(database)
        try await broker.declare(queue: Workload.queue.name)
        try await database.script(Effects.table)
        let messages = Workload.messages(Self.messages)
        let (queue, conninfo) = (Workload.queue.name, database.conninfo)
        let seconds = try await lab.withWorker(BenchWorker(queue: queue, work: .hang), on: conninfo) { victim in
            try await broker.send(messages, to: Workload.queue)
            await broker.flush()
            try await Self.hold(Self.messages, by: victim)
            return try await lab.withWorker(BenchWorker(queue: queue, work: .effect), on: conninfo) { other in
                victim.signal(SIGKILL)
                let start = ContinuousClock.now
                try await other.handled(Self.messages)
                return start.secondsUntilNow
            }
        }
        try await Effects.check(messages.map(\.id.uuid), in: database)
        return seconds
    }

    private static func hold(_ count: Int, by worker: LabWorker) async throws {
        try await within(.seconds(30), waitingFor: "\(count) messages to be in flight") {
            var ids: Set<UUID> = []
            for await case .began(let id, _) in worker.reports {
                ids.insert(id)
                if ids.count == count { return }
            }
        }
    }
}

/// What steps have written, a row for each message that they handled.
enum Effects {
    static let table = """
        CREATE SCHEMA IF NOT EXISTS bench;
        CREATE TABLE bench.effects (id uuid NOT NULL, at timestamptz NOT NULL DEFAULT now())
        """

    static func ids(in database: some DatabaseAccess) async throws -> [UUID] {
        try await database.query("SELECT id FROM bench.effects") { try $0[0, as: UUID.self] }
    }

    /// Each message had its effect once.
    static func check(_ sent: [UUID], in database: some DatabaseAccess) async throws {
        let check = QueueCheck(attempted: sent, acknowledged: sent, handled: try await ids(in: database))
        guard check.isFaultless, check.duplicated == 0 else { throw BenchmarkFailure("\(check)") }
    }
}
