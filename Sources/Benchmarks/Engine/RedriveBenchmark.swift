import Foundation
import MessageQueue
import Postgres

/// Whether dead letters that are sent back at a rate slow down what is sent meanwhile, through the same queue and worker.
public struct RedriveBenchmark: Benchmark {
    public let name = "redrive"
    public let about = "From commit to handler start beside a redrive at a rate; floor: the same without one"
    private let letters: Int?
    private let perSecond: Double

    /// Of live messages.
    private static let live = 200.0

    public init(letters: Int? = nil, perSecond: Double = 2000) {
        self.letters = letters
        self.perSecond = perSecond
    }

    public func run(in lab: Lab) async throws -> [Reading] {
        try await measure("alone", .none, lab) + measure("busy core", .busyCore, lab)
    }

    private func measure(_ name: String, _ disturbance: Disturbance, _ lab: Lab) async throws -> [Reading] {
        let count = letters ?? lab.size(100_000, smoke: 500)
        return try await lab.withDatabase(beside: disturbance) { database in
            let broker = Broker(database)
            try await broker.declare(queue: Workload.queue.name)
            await lab.say("\(count) letters die, \(name)")
            try await Self.kill(count, in: broker)
            let worker = BenchWorker(queue: Workload.queue.name, work: .stamp)
            let seconds = min(Double(count) / perSecond, lab.size(20, smoke: 0.5))
            return try await lab.withWorker(worker, on: database.conninfo) { worker in
                await lab.say("live messages, \(name)")
                let before = try await SteadyBenchmark.measure(Self.live, for: seconds, through: broker, by: worker)
                await lab.say("live messages beside a redrive, \(name)")
                async let redrive = broker.redrive(rate: perSecond)
                let beside = try await SteadyBenchmark.measure(Self.live, for: seconds, through: broker, by: worker)
                let report = try await redrive
                guard report.moved == count else {
                    throw BenchmarkFailure("\(report.moved) of \(count) were sent back")
                }
                return Self.readings(name, beside.fromCommit, floor: before.fromCommit)
            }
        }
    }

    private static func readings(_ name: String, _ beside: Distribution, floor: Distribution) -> [Reading] {
        [
            Reading(
                "live beside a redrive, p50, \(name)", beside.median, "ms", floor: floor.median,
                target: .ratioAtMost(1.5)),
            Reading(
                "live beside a redrive, p99, \(name)", beside.percentile(0.99), "ms", floor: floor.percentile(0.99),
                target: .ratioAtMost(2)),
        ]
    }

    private static func kill(_ count: Int, in broker: Broker) async throws {
        try await Workload.store(count, in: broker)
        var left = count
        while left > 0 {
            let received = try await broker.receive(Workload.queue.name, limit: min(left, 1000), lease: .seconds(600))
            try await broker.deadLetter(received.map { .init($0, reason: "declined", error: "the card was declined") })
            left -= received.count
        }
    }
}
