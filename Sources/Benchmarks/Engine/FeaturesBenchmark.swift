import MessageQueue
import Postgres

/// What limits, priorities and order cost: how fast one worker process empties a backlog with each of them.
public struct FeaturesBenchmark: Benchmark {
    public let name = "features"
    public let about = "A backlog emptied with each feature; floor: without it, or 60 messages in order"
    private static let keys = 30

    public init() {}

    public func run(in lab: Lab) async throws -> [Reading] {
        let count = lab.size(60_000, smoke: 1_000)
        // Limits that never hold anything back: what is measured is that they are watched.
        let limits = [
            ("concurrency limit", QueueLimits(concurrency: 30_000)),
            ("rate limit", QueueLimits(rate: 1e7, burst: 1_000_000)),
        ]
        await lab.say("no feature")
        let plain = try await drain(count, .init(), in: lab) { Outgoing(Workload.payload) }
        var readings: [Reading] = []
        for (name, limits) in limits {
            await lab.say(name)
            let value = try await drain(count, .init(limits: limits), in: lab) { Outgoing(Workload.payload) }
            readings.append(Reading("drain with a \(name)", value, "messages/s", floor: plain))
        }
        await lab.say("priorities")
        let sorted = try await drain(count, .init(priorities: .three), in: lab) {
            Outgoing(Workload.payload, priority: [Priority.high, .normal, .low].randomElement() ?? .normal)
        }
        readings.append(Reading("drain with priorities", sorted, "messages/s", floor: plain))
        return try await readings + order(in: lab)
    }

    /// Whether a message costs more when many of its key wait.
    private func order(in lab: Lab) async throws -> [Reading] {
        let (few, many) = (60, lab.size(6_000, smoke: 600))
        var costs: [Double] = []
        for count in [few, many] {
            await lab.say("\(count) messages in order, \(Self.keys) keys")
            let rate = try await drain(count, .init(order: .skipOnFailure), in: lab) {
                Outgoing(Workload.payload, key: "key-\(Int.random(in: 0..<Self.keys))")
            }
            costs.append(1e6 / rate)
        }
        return [
            Reading(
                "\(many) messages in order, \(Self.keys) keys", costs[1], "µs/message", floor: costs[0],
                target: .ratioAtMost(1))
        ]
    }

    private func drain(
        _ count: Int, _ settings: QueueSettings, in lab: Lab,
        of message: @escaping @Sendable () -> Outgoing<String>
    ) async throws -> Double {
        try await lab.withDatabase { database in
            let broker = Broker(database)
            try await broker.declare(queue: Workload.queue.name, settings)
            for size in Workload.shares(of: count, each: 1000) {
                try await broker.send((0..<size).map { _ in message() }, to: Workload.queue)
            }
            let drained = try await DrainBenchmark.drain(count, of: broker, in: lab)
            try await DrainBenchmark.check(count, in: database)
            return Double(count) / drained.seconds
        }
    }
}
