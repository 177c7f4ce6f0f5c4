import Foundation
import MessageQueue
import Postgres

/// How soon a worker process begins with a message, at a constant rate.
public struct SteadyBenchmark: Benchmark {
    public let name = "steady"
    public let about = "From commit to handler start at a constant rate; floor: the median bare NOTIFY round trip"
    private let perSecond: Double
    private let seconds: Double?

    public init(perSecond: Double = 500, seconds: Double? = nil) {
        self.perSecond = perSecond
        self.seconds = seconds
    }

    public func run(in lab: Lab) async throws -> [Reading] {
        let seconds = seconds ?? lab.size(15, smoke: 1)
        return try await lab.withDatabase { database in
            let broker = Broker(database)
            try await broker.declare(queue: Workload.queue.name)
            let worker = BenchWorker(queue: Workload.queue.name, work: .stamp)
            let rings = (count: lab.size(1000, smoke: 50), perSecond: perSecond)
            await lab.say("bare NOTIFY round trips")
            let before = try await NotifyFloor.roundTrips(rings.count, rings.perSecond, on: database.conninfo)
            let latency = try await lab.withWorker(worker, on: database.conninfo) { worker in
                await lab.say("\(Int(perSecond)) messages/s for \(Int(seconds)) s")
                return try await Self.measure(perSecond, for: seconds, through: broker, by: worker)
            }
            await lab.say("bare NOTIFY round trips")
            let after = try await NotifyFloor.roundTrips(rings.count, rings.perSecond, on: database.conninfo)
            return readings(latency, floor: Distribution(before + after))
        }
    }

    private func readings(_ latency: Latency, floor: Distribution) -> [Reading] {
        [
            Reading(
                "commit to handler, p50", latency.fromCommit.median, "ms", floor: floor.median,
                target: .ratioAtMost(4)),
            Reading(
                "commit to handler, p99", latency.fromCommit.percentile(0.99), "ms", floor: floor.median,
                target: .ratioAtMost(10)),
            Reading("commit to handler, p99.9", latency.fromCommit.percentile(0.999), "ms"),
            Reading("due to handler, p50", latency.fromDue.median, "ms"),
            Reading("due to handler, p99", latency.fromDue.percentile(0.99), "ms"),
            Reading("bare NOTIFY round trip, p99", floor.percentile(0.99), "ms"),
        ]
    }

    struct Latency: Sendable {
        /// Until the handler began, in milliseconds.
        let fromCommit, fromDue: Distribution
    }

    /// Sends at this rate, and takes from the worker when it began with each message.
    static func measure(
        _ perSecond: Double, for seconds: Double, through broker: Broker, by worker: LabWorker
    ) async throws -> Latency {
        // Connections are opened and statements prepared by messages that don't count.
        try await observe(Traffic(through: broker, perSecond: perSecond), for: 0.5, by: worker)
        return try await observe(Traffic(through: broker, perSecond: perSecond), for: seconds, by: worker)
    }

    @discardableResult
    private static func observe(_ traffic: Traffic, for seconds: Double, by worker: LabWorker) async throws -> Latency {
        try await traffic.run(for: seconds)
        let sent = traffic.sent
        if let failure = traffic.failure { throw BenchmarkFailure("a message was refused: \(failure)") }
        return try await within(.seconds(60), waitingFor: "every message to be begun") {
            var fromCommit: [UUID: Double] = [:]
            var fromDue: [Double] = []
            for await case .began(let id, let time) in worker.reports {
                guard let times = sent[id] else { continue }
                let delay = Traffic.milliseconds(from: times.committed ?? time, to: time)
                guard fromCommit.updateValue(delay, forKey: id) == nil else {
                    throw BenchmarkFailure("\(id) was handled twice")
                }
                fromDue.append(Traffic.milliseconds(from: times.due, to: time))
                if fromDue.count == sent.count { break }
            }
            return Latency(fromCommit: Distribution(fromCommit.values), fromDue: Distribution(fromDue))
        }
    }
}
