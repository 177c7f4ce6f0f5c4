import MessageQueue
import Postgres

/// Where more worker processes stop to help: the same backlog emptied by 1, 2, 4 and 8 of them.
public struct ScaleBenchmark: Benchmark {
    public let name = "scale"
    public let about = "A stored backlog emptied by several worker processes; floor: by one"
    private let crowds: [Int]

    public static let usualCrowds = [1, 2, 4, 8]

    /// - Parameter crowds: how many worker processes there are, each time; the first is what the others are held against.
    public init(workers crowds: [Int] = usualCrowds) { self.crowds = crowds }

    public func run(in lab: Lab) async throws -> [Reading] {
        var readings: [Reading] = []
        var alone: Double?
        for crowd in lab.size(crowds, smoke: Array(crowds.prefix(2))) {
            let drained = try await drain(by: crowd, in: lab)
            let workers = crowd == 1 ? "1 worker" : "\(crowd) workers"
            readings.append(Reading("drain by \(workers)", drained.rate, "messages/s", floor: alone))
            readings.append(Reading("drain by \(workers), processor time", drained.processor, "µs/message"))
            alone = alone ?? drained.rate
        }
        return readings
    }

    private struct Drained {
        /// Messages a second, from the moment that all workers were allowed to begin.
        let rate: Double
        /// Of workers and server together, in microseconds a message.
        let processor: Double
    }

    private func drain(by crowd: Int, in lab: Lab) async throws -> Drained {
        let count = lab.size(200_000, smoke: 2_000)
        return try await lab.withDatabase { database in
            let broker = Broker(database)
            try await broker.declare(queue: Workload.queue.name)
            await lab.say("storing \(count) messages for \(crowd) workers")
            try await Workload.store(count, in: broker)
            try await broker.pause(Workload.queue.name)
            let worker = BenchWorker(queue: Workload.queue.name, work: .nothing)
            let drained = try await lab.withWorkers(crowd, worker, on: database.conninfo) { workers in
                let before = try await Self.processor(of: workers, database)
                let start = ContinuousClock.now
                try await broker.resume(Workload.queue.name)
                try await workers.handled(count)
                let seconds = start.secondsUntilNow
                let used = try await Self.processor(of: workers, database) - before
                return Drained(rate: Double(count) / seconds, processor: used / Double(count) * 1e6)
            }
            try await DrainBenchmark.check(count, in: database)
            return drained
        }
    }

    private static func processor(of workers: [LabWorker], _ database: Database) async throws -> Double {
        try await workers.reduce(ProcessUse.ofBackends(of: database)) { $0 + ProcessUse.seconds(of: $1.processID) }
    }
}
