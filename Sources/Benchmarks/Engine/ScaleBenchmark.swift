import MessageQueue
import Postgres
import Synchronization

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
            let crew = Crew(of: crowd, on: database)
            let drained = try await crew.with(in: lab) { workers in
                let before = try await Self.processor(of: workers, database)
                let start = ContinuousClock.now
                try await broker.resume(Workload.queue.name)
                try await crew.handled(count, by: workers)
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

/// Several worker processes on one queue.
private struct Crew: Sendable {
    private let count: Int
    private let database: Database

    init(of count: Int, on database: Database) {
        self.count = count
        self.database = database
    }

    /// Starts them one after the other, and ends them all once `body` has returned.
    func with<T: Sendable>(
        in lab: Lab, and workers: [LabWorker] = [], _ body: @escaping @Sendable ([LabWorker]) async throws -> T
    ) async throws -> T {
        guard workers.count < count else { return try await body(workers) }
        let worker = BenchWorker(queue: Workload.queue.name, work: .nothing)
        return try await lab.withWorker(worker, on: database.conninfo) { worker in
            try await with(in: lab, and: workers + [worker], body)
        }
    }

    /// Waits until all of them together have handled so many.
    func handled(_ count: Int, by workers: [LabWorker]) async throws {
        let totals = Mutex<[Int32: Int]>([:])
        try await within(.seconds(600), waitingFor: "\(count) messages to be handled") {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in workers {
                    group.addTask {
                        for await case .handled(let total) in worker.reports {
                            let sum = totals.withLock { totals in
                                totals[worker.processID] = total
                                return totals.values.reduce(0, +)
                            }
                            if sum >= count { return }
                        }
                        try Task.checkCancellation()
                        throw BenchmarkFailure("a worker ended before \(count) messages were handled")
                    }
                }
                // Whoever sees the last one done tells for all.
                try await group.next()
                group.cancelAll()
            }
        }
    }
}
