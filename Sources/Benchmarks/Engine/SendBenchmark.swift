import MessageQueue
import Postgres

/// Storing messages of 200 bytes, 1, 10 and 100 per call, on 4 connections.
public struct SendBenchmark: Benchmark {
    public let name = "send"
    public let about = "Messages of 200 bytes stored on 4 connections; floor: bare INSERTs of the same rows and indexes"
    private static let connections = 4

    public init() {}

    public func run(in lab: Lab) async throws -> [Reading] {
        var readings: [Reading] = []
        for (batch, count, target) in [
            (1, lab.size(8_000, smoke: 200), Target.ratioAtLeast(0.7)),
            (10, lab.size(60_000, smoke: 400), nil),
            (100, lab.size(300_000, smoke: 2_000), .ratioAtLeast(0.75)),
        ] {
            await lab.say("\(batch) per call")
            let (floor, value) = try await lab.withDatabase(connections: Self.connections) { database in
                try await measure(count, batch, on: database)
            }
            readings.append(Reading("send \(batch) per call", value, "messages/s", floor: floor, target: target))
        }
        return readings
    }

    private func measure(_ count: Int, _ batch: Int, on database: Database) async throws -> (Double, Double) {
        try await BareLog.create(in: database)
        let broker = Broker(database)
        try await broker.declare(queue: Workload.queue.name)
        // Both in halves, in turn, so that a slow moment meets both.
        var (bare, ours) = (0.0, 0.0)
        try await send(Self.connections * batch * 4, batch, through: broker)
        for half in 0..<2 {
            bare += try await BareLog.fill(
                count / 2, batch: batch, threads: Self.connections, on: database.conninfo, distinct: half)
            let start = ContinuousClock.now
            try await send(count / 2, batch, through: broker)
            ours += Double(count / 2) / start.secondsUntilNow
        }
        return (bare / 2, ours / 2)
    }

    private func send(_ count: Int, _ batch: Int, through broker: Broker) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for share in Workload.shares(of: count, among: Self.connections) {
                group.addTask {
                    for size in Workload.shares(of: share, each: batch) {
                        try await broker.send(Workload.messages(size), to: Workload.queue)
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
