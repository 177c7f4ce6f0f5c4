import Foundation
import MessageQueue
import Postgres
import Synchronization

/// What a message, and a worker without work, cost when there are many queues and many workers.
public struct GrowthBenchmark: Benchmark {
    public let name = "growth"
    public let about = "With 1,000 queues and with many workers on a queue; floor: with 1 of either"
    private let workers: Int

    public static let usualWorkers = 64

    /// - Parameter workers: how many worker processes there are on one queue.
    public init(workers: Int = usualWorkers) { self.workers = workers }

    public func run(in lab: Lab) async throws -> [Reading] {
        let queues = lab.size(1000, smoke: 20)
        await lab.say("1 queue")
        let one = try await withQueues(1, in: lab)
        await lab.say("\(queues) queues")
        let many = try await withQueues(queues, in: lab)
        let crowd = lab.size(workers, smoke: 2)
        let alone = try await withWorkers(1, in: lab)
        let together = try await withWorkers(crowd, in: lab)
        return Self.readings(queues, many, floor: one) + Self.readings(crowd, together, floor: alone)
    }

    // MARK: Queues

    private struct OfQueues {
        /// Median microseconds: of a message sent, received and completed, and of the depths of all queues, per queue.
        let roundTrip, statistics: Double
    }

    private func withQueues(_ count: Int, in lab: Lab) async throws -> OfQueues {
        let rounds = lab.size(500, smoke: 20)
        return try await lab.withDatabase { database in
            let broker = Broker(database)
            try await broker.declare(queue: Workload.queue.name)
            for number in 1..<count { try await broker.declare(queue: QueueName("other-\(number)")) }
            let trips = try await SegmentsBenchmark.roundTrips(rounds, of: broker)
            var looks: [Double] = []
            for _ in 0..<rounds / 10 {
                looks.append(try await BacklogBenchmark.microseconds { _ = try await broker.statistics() })
            }
            return OfQueues(
                roundTrip: Distribution(trips).median, statistics: Distribution(looks).median / Double(count))
        }
    }

    private static func readings(_ count: Int, _ many: OfQueues, floor one: OfQueues) -> [Reading] {
        [
            Reading(
                "round trip, \(count) queues", many.roundTrip, "µs", floor: one.roundTrip, target: .ratioAtMost(1.25)),
            Reading(
                "depth and statistics, \(count) queues", many.statistics, "µs/queue", floor: one.statistics,
                target: .ratioAtMost(1)),
        ]
    }

    // MARK: Workers

    private struct OfWorkers {
        /// Of each worker, while there is no work: statements a second, and megabytes of its own that the server holds for it.
        let statements, memory: Double
        /// Median milliseconds from the commit of a message to the start of its handler.
        let latency: Double
    }

    private func withWorkers(_ count: Int, in lab: Lab) async throws -> OfWorkers {
        try await lab.withDatabase { database in
            let broker = Broker(database)
            try await broker.declare(queue: Workload.queue.name)
            await lab.say("starting \(count) workers")
            let worker = BenchWorker(queue: Workload.queue.name, work: .stamp)
            return try await lab.withWorkers(count, worker, on: database.conninfo) { workers in
                await lab.say("letting \(count) workers rest")
                try await Task.sleep(for: .seconds(lab.size(12, smoke: 1)))
                let before = try await ProcessUse.memoryOfBackends(of: database)
                let rate = try await IdleBenchmark.transactionsPerSecond(for: lab.size(20, smoke: 1), in: database)
                let latency = try await Self.latency(of: workers, through: broker, in: lab)
                return OfWorkers(
                    statements: rate / Double(count), memory: Double(before) / 1e6 / Double(count), latency: latency)
            }
        }
    }

    private static func latency(of workers: [LabWorker], through broker: Broker, in lab: Lab) async throws -> Double {
        let traffic = Traffic(through: broker, perSecond: 20)
        let seconds = lab.size(5.0, smoke: 0.5)
        try await traffic.run(for: seconds)
        let delays = Mutex<[UUID: Double]>([:])
        try await workers.reported("every message to be begun", within: .seconds(60)) { _, report in
            guard case .began(let id, let time) = report, let delay = traffic.delay(of: id, until: time) else {
                return false
            }
            return delays.withLock { delays in
                delays[id] = delay
                return delays.count == traffic.sent.count
            }
        }
        return Distribution(delays.withLock { Array($0.values) }).median
    }

    private static func readings(_ count: Int, _ many: OfWorkers, floor one: OfWorkers) -> [Reading] {
        [
            Reading(
                "statements of an idle worker, \(count) of them", many.statements, "per second", floor: one.statements,
                target: .ratioAtMost(1.25)),
            Reading(
                "server's memory for an idle worker, \(count) of them", many.memory, "MB", floor: one.memory,
                target: .ratioAtMost(1.25)),
            Reading("commit to handler, \(count) idle workers", many.latency, "ms", floor: one.latency),
        ]
    }
}
