import DeliveryCheck
import Foundation
import MessageQueue
import Postgres
import Synchronization

/// Constant traffic over many segments, with workers that are ended and killed, and a snapshot held open for a while.
public struct Soak: Sendable {
    public let plan: SoakPlan

    public init(_ plan: SoakPlan) { self.plan = plan }

    /// - Parameter onSample: told of each sample as it is taken.
    public func run(
        in lab: Lab, onSample: @escaping @Sendable (SoakSample) async -> Void
    ) async throws -> SoakOutcome {
        try await lab.withDatabase { database in
            let broker = Broker(database)
            try await broker.declare(queue: Workload.queue.name)
            try await database.script(Effects.table)
            let traffic = Traffic(through: broker, perSecond: plan.perSecond)
            let crew = SoakCrew(plan: plan, conninfo: database.conninfo, traffic: traffic)
            let samples = try await withThrowingTaskGroup(of: Void.self) { group in
                for task in crew.tasks(in: lab) { group.addTask { try await task() } }
                group.addTask { try await pin(database.conninfo) }
                defer { group.cancelAll() }
                async let all = sample(crew, broker, onSample)
                try await traffic.run(for: plan.seconds)
                let samples = try await all
                try await settle(broker)
                return samples
            }
            return SoakOutcome(
                samples: samples, check: try await check(traffic, in: database), restarts: plan.restarts)
        }
    }

    private func pin(_ conninfo: String) async throws {
        try await Task.sleep(for: .seconds(plan.pinned.lowerBound))
        let pin = try PinnedSnapshot(on: conninfo)
        try await Task.sleep(for: .seconds(plan.pinned.upperBound - plan.pinned.lowerBound))
        withExtendedLifetime(pin) {}
    }

    /// Waits until nothing waits, is in flight, scheduled or retrying.
    private func settle(_ broker: Broker) async throws {
        try await within(.seconds(60), waitingFor: "the queue to be empty") {
            while try await broker.statistics().contains(where: {
                $0.depth + $0.inFlight + $0.scheduled + $0.retrying > 0
            }) {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    private func check(_ traffic: Traffic, in database: Database) async throws -> QueueCheck<UUID> {
        let sent = traffic.sent
        return QueueCheck(
            attempted: Array(sent.keys), acknowledged: sent.filter { $0.value.committed != nil }.map(\.key),
            handled: try await Effects.ids(in: database))
    }

    // MARK: Samples

    private func sample(
        _ crew: SoakCrew, _ broker: Broker, _ onSample: @Sendable (SoakSample) async -> Void
    ) async throws -> [SoakSample] {
        let start = ContinuousClock.now
        var samples: [SoakSample] = []
        for number in 1...max(1, Int(plan.seconds / plan.interval)) {
            try await Task.sleep(until: start + .seconds(Double(number) * plan.interval), clock: .continuous)
            let sample = try await look(at: start.secondsUntilNow, crew, broker)
            samples.append(sample)
            await onSample(sample)
        }
        return samples
    }

    private func look(at time: Double, _ crew: SoakCrew, _ broker: Broker) async throws -> SoakSample {
        let delays = crew.takeDelays()
        let latency = Distribution(delays)
        let stand = try await broker.database.query(Self.stand) { row in
            (bytes: try row[0, as: Int.self], segments: try row[1, as: Int.self])
        }
        let server = try await ProcessUse.memoryOfBackends(of: broker.database)
        let depth = try await broker.statistics().reduce(0) { $0 + $1.depth }
        return SoakSample(
            at: time, rate: Double(delays.count) / plan.interval, p50: latency.median, p99: latency.percentile(0.99),
            largest: latency.largest, disk: Double(stand.first?.bytes ?? 0) / 1e6,
            workers: Double(crew.workers.reduce(0) { $0 + ProcessUse.memory(of: $1) }) / 1e6,
            server: Double(server) / 1e6, segments: stand.first?.segments ?? 0, depth: depth,
            isPinned: plan.pinned.contains(time))
    }

    private static let stand: Statement = """
        SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint, (SELECT count(*) FROM mq.segments)
        FROM pg_class c WHERE c.relnamespace = 'mq'::regnamespace AND c.relkind = 'r'
        """
}
