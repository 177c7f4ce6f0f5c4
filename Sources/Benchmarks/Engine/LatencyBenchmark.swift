import Foundation
import MessageQueue
import Postgres

/// How soon a worker process begins with a message: a curve over rates, beside nothing, a busy core, and a slow disk.
public struct LatencyBenchmark: Benchmark {
    public let name = "latency"
    public let about = """
        From commit to handler start over the rate, alone and disturbed; floor: the median bare NOTIFY round trip,
        of transactions that write, under the same disturbance
        """
    private let rates: [Double]
    private let shares: [Double]
    private let disturbances: [Disturbance]
    private let seconds: Double?

    /// Of what one worker can drain while the messages are sent.
    public static let usualShares = [0.25, 0.5, 0.75, 0.9]
    public static let usualRates = [50.0, 200, 500, 2000, 5000]

    /// - Parameters:
    ///   - rates: messages per second, each sent alone.
    ///   - shares: of the saturation that is measured first; messages share transactions.
    ///   - seconds: how long each point is measured.
    public init(
        rates: [Double] = usualRates, shares: [Double] = usualShares,
        beside disturbances: [Disturbance] = Disturbance.allCases, seconds: Double? = nil
    ) {
        self.rates = rates
        self.shares = shares
        self.disturbances = disturbances
        self.seconds = seconds
    }

    public func run(in lab: Lab) async throws -> [Reading] {
        var readings: [Reading] = []
        for disturbance in disturbances { readings += try await curve(beside: disturbance, in: lab) }
        return readings
    }

    private func curve(beside disturbance: Disturbance, in lab: Lab) async throws -> [Reading] {
        let seconds = seconds ?? lab.size(10, smoke: 0.5)
        return try await lab.withDatabase(beside: disturbance) { database in
            let lab = lab.prefixed(disturbance.name)
            let broker = Broker(database)
            try await broker.declare(queue: Workload.queue.name)
            let floor = try await floor(of: database, in: lab)
            var readings = [Reading("\(disturbance.name): NOTIFY round trip, p50", floor.median, "ms")]
            readings.append(Reading("\(disturbance.name): NOTIFY round trip, p99", floor.percentile(0.99), "ms"))
            for rate in lab.size(rates, smoke: [rates.first ?? 50]) {
                let point = try await Self.single(rate, for: seconds, through: broker, in: lab)
                readings += point.readings("\(disturbance.name), \(Int(rate))/s", floor: floor, isCalm: true)
            }
            guard !shares.isEmpty else { return readings }
            let most = try await Self.saturation(of: broker, in: lab)
            readings.append(Reading("\(disturbance.name): most that is sent and handled", most, "messages/s"))
            for share in lab.size(shares, smoke: [shares[0]]) {
                let point = try await Self.flood(most * share, for: seconds, through: broker, in: lab)
                readings += point.readings(
                    "\(disturbance.name), \(Int((share * 100).rounded())) %", floor: floor, isCalm: share <= 0.5)
            }
            return readings
        }
    }

    private func floor(of database: Database, in lab: Lab) async throws -> Distribution {
        await lab.say("bare NOTIFY round trips")
        return Distribution(
            try await NotifyFloor.roundTrips(lab.size(1000, smoke: 50), 200, writing: true, on: database.conninfo))
    }

    private static func single(
        _ rate: Double, for seconds: Double, through broker: Broker, in lab: Lab
    ) async throws -> LatencyPoint {
        try await point(rate, for: seconds, .stamp, through: broker, in: lab) { worker in
            let latency = try await SteadyBenchmark.measure(rate, for: seconds, through: broker, by: worker)
            return (latency.fromCommit, Int(seconds * rate))
        }
    }

    private static func flood(
        _ rate: Double, for seconds: Double, through broker: Broker, in lab: Lab
    ) async throws -> LatencyPoint {
        try await point(rate, for: seconds, .sample, through: broker, in: lab) { worker in
            let flood = Flood(through: broker, perSecond: rate)
            let count = try await flood.run(for: seconds)
            if let failure = flood.failure { throw BenchmarkFailure("messages were refused: \(failure)") }
            return (try await delays(of: flood.marked, by: worker), count)
        }
    }

    /// - Parameter measure: answers the delays and how many messages went through the worker.
    private static func point(
        _ rate: Double, for seconds: Double, _ work: BenchWorker.Work, through broker: Broker, in lab: Lab,
        _ measure: @escaping @Sendable (LabWorker) async throws -> (Distribution, Int)
    ) async throws -> LatencyPoint {
        await lab.say("\(Int(rate)) messages/s for \(Figure.text(seconds)) s")
        let worker = BenchWorker(queue: Workload.queue.name, work: work)
        return try await lab.withWorker(worker, on: broker.database.conninfo) { worker in
            try await LatencyPoint.measured(of: worker, through: broker) { try await measure(worker) }
        }
    }

    private static func delays(of marked: [UUID: UInt64?], by worker: LabWorker) async throws -> Distribution {
        try await within(.seconds(60), waitingFor: "every marked message to be begun") {
            var delays: [UUID: Double] = [:]
            for await case .began(let id, let time) in worker.reports {
                guard let committed = marked[id] else { continue }
                delays[id] = Traffic.milliseconds(from: committed ?? time, to: time)
                if delays.count == marked.count { break }
            }
            return Distribution(delays.values)
        }
    }

    /// How many messages a second are stored and handled at the same time, by four senders and one worker.
    private static func saturation(of broker: Broker, in lab: Lab) async throws -> Double {
        let count = lab.size(200_000, smoke: 2_000)
        await lab.say("sending and handling \(count) messages as fast as it goes")
        let worker = BenchWorker(queue: Workload.queue.name, work: .nothing)
        return try await lab.withWorker(worker, on: broker.database.conninfo) { worker in
            let start = ContinuousClock.now
            try await Workload.store(count, in: broker)
            try await worker.handled(count)
            return Double(count) / start.secondsUntilNow
        }
    }
}

/// One point of the curve.
struct LatencyPoint: Sendable {
    /// In milliseconds.
    let delays: Distribution
    /// Processor time of worker and server, in microseconds a message.
    let processor: Double
    /// Transactions of all connections, sends included.
    let transactions: Double

    /// - Parameter work: answers the delays and how many messages went through.
    static func measured(
        of worker: LabWorker, through broker: Broker, _ work: () async throws -> (Distribution, Int)
    ) async throws -> LatencyPoint {
        let database = broker.database
        let before = try await Use(of: worker, database)
        let (delays, count) = try await work()
        let after = try await Use(of: worker, database)
        return LatencyPoint(
            delays: delays, processor: (after.processor - before.processor) / Double(count) * 1e6,
            transactions: Double(after.transactions - before.transactions) / Double(count))
    }

    private struct Use {
        let processor: Double
        let transactions: Int

        init(of worker: LabWorker, _ database: Database) async throws {
            processor =
                try await ProcessUse.seconds(of: worker.processID) + ProcessUse.ofBackends(of: database)
            transactions = try await IdleBenchmark.transactions(in: database)
        }
    }

    /// - Parameter isCalm: whether the machine has room, so that latency is to stay near the floor.
    func readings(_ name: String, floor: Distribution, isCalm: Bool) -> [Reading] {
        [
            Reading(
                "\(name), p50", delays.median, "ms", floor: floor.median, target: isCalm ? .ratioAtMost(4) : nil),
            Reading(
                "\(name), p99", delays.percentile(0.99), "ms", floor: floor.median,
                target: isCalm ? .ratioAtMost(12) : .valueAtMost(100)),
            Reading("\(name), p99.9", delays.percentile(0.999), "ms"),
            Reading("\(name), processor", processor, "µs/message"),
            Reading("\(name), transactions", transactions, "a message"),
        ]
    }
}
