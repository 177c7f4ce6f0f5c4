import MessageQueue
import Postgres

/// Storing messages of 200 bytes on 4 connections: 1, 10 and 100 per call, one by one from many tasks, and one by one through
/// producers.
public struct SendBenchmark: Benchmark {
    public let name = "send"
    public let about = "Messages of 200 bytes stored on 4 connections; floor: bare INSERTs of the same rows and indexes"
    private static let connections = 4

    /// How the messages are sent; the floor is always a thread for each connection, and a transaction for each batch.
    private struct Way {
        var batch: Int
        var tasks = connections
        var hasProducers = false
        var count: Int
        var target: Target?

        var name: String {
            "send \(batch) per call" + (tasks > connections ? ", \(tasks) tasks" : "")
                + (hasProducers ? ", producers" : "")
        }
    }

    public init() {}

    public func run(in lab: Lab) async throws -> [Reading] {
        var readings: [Reading] = []
        for way in [
            Way(batch: 1, count: lab.size(40_000, smoke: 200), target: .ratioAtLeast(0.7)),
            Way(batch: 1, tasks: 64, count: lab.size(60_000, smoke: 200), target: .ratioAtLeast(0.7)),
            Way(batch: 1, hasProducers: true, count: lab.size(40_000, smoke: 200), target: .ratioAtLeast(0.7)),
            Way(batch: 10, count: lab.size(60_000, smoke: 400)),
            Way(batch: 100, count: lab.size(300_000, smoke: 2_000), target: .ratioAtLeast(0.75)),
        ] {
            await lab.say(way.name)
            let (floor, value) = try await lab.withDatabase(connections: Self.connections) { database in
                try await measure(way, on: database)
            }
            readings.append(Reading(way.name, value, "messages/s", floor: floor, target: way.target))
        }
        return readings
    }

    private func measure(_ way: Way, on database: Database) async throws -> (Double, Double) {
        try await BareLog.create(in: database)
        let broker = Broker(database)
        try await broker.declare(queue: Workload.queue.name)
        // Both in halves, in turn, so that a slow moment meets both.
        var (bare, ours) = (0.0, 0.0)
        try await send(way.tasks * way.batch * 4, way, through: broker)
        for half in 0..<2 {
            bare += try await BareLog.fill(
                way.count / 2, batch: way.batch, threads: Self.connections, on: database.conninfo, distinct: half)
            let start = ContinuousClock.now
            try await send(way.count / 2, way, through: broker)
            ours += Double(way.count / 2) / start.secondsUntilNow
        }
        return (bare / 2, ours / 2)
    }

    private func send(_ count: Int, _ way: Way, through broker: Broker) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for share in Workload.shares(of: count, among: way.tasks) {
                let calls = Workload.shares(of: share, each: way.batch)
                group.addTask {
                    guard way.hasProducers else {
                        for size in calls { try await broker.send(Workload.messages(size), to: Workload.queue) }
                        return
                    }
                    try await broker.withProducer(of: Workload.queue) { producer in
                        for size in calls { try await producer.send(Workload.messages(size)) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
