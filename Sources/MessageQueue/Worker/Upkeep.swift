import Logging
import Postgres
import Synchronization

/// What somebody has to do now and then, and any worker does: look for lost consumers, move watermarks, open and drop
/// segments. Late or missing upkeep only delays these.
struct Upkeep: Sendable {
    let broker: Broker
    let consumer: Consumer
    let runtimes: [StepRuntime]
    let journal: WorkerJournal
    let options: WorkerOptions

    /// Runs until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await watchOver() }
            group.addTask { await broker.watchdog.run() }
            group.addTask { await broker.every({ heartbeat }, "heartbeat") { _ in try await beat() } }
            if let interval = options.gaugeInterval {
                group.addTask { [queues = QueueMetrics(broker, retention: options.retention.keep)] in
                    await broker.every({ interval }, "gauges") { _ in try await measure(queues) }
                }
            }
            group.addTask {
                await broker.every({ .seconds(2) }, "watermarks") { [memory = Memory()] in
                    try await moveWatermarks(memory, $0)
                }
            }
            let housekeeping = Housekeeping(
                broker: broker, retention: options.retention, interval: options.upkeepInterval)
            group.addTask { await housekeeping.run() }
        }
    }

    /// Behind a pooler there is no other sign of life, so there it comes often.
    private var heartbeat: Duration {
        let lease = runtimes.map(\.entry.lease).min() ?? .seconds(30)
        return min(lease / 4, consumer.isPooled ? .seconds(2) : .seconds(10))
    }

    private func beat() async throws {
        try await consumer.heartbeat()
        _ = try await broker.entries(of: [], on: broker.database)
        try await consumer.hearAnew()
    }

    // MARK: Gauges

    /// Of the workers of one name the oldest reads how the queues stand; when it is lost, the next one does.
    private func measure(_ queues: QueueMetrics) async throws {
        let own = try await consumer.presence().id
        let readers = try await broker.database.query(Self.oldestOfName, consumer.name) { try $0[0, as: Int64?.self] }
        if readers == [own] { return try await queues.refresh() }
        queues.refreshPool()
        queues.forgetQueues()
    }

    static let oldestOfName: Statement = "SELECT min(id) FROM mq.consumers WHERE name = $1 AND ended_at IS NULL"

    // MARK: Lost consumers

    private func watchOver() async {
        var watched = LostConsumers()
        await broker.every({ watched.pause }, "rescue") { try await rescue(&watched, $0) }
    }

    private func rescue(_ watched: inout LostConsumers, _ pulse: Watchdog.Pulse) async throws {
        let presence = try await consumer.presence()
        let gone = try await broker.findGone(except: presence.id, on: presence.connection)
        let found = watched.conclude(from: gone, at: presence.origin)
        guard !found.all.isEmpty else { return }
        for id in found.all { journal.record(.consumerLost(id)) }
        try await takeEverything(from: Array(found.all), beating: pulse)
        watched.tookEverything(from: found.silent)
        if !found.lost.isEmpty { try await broker.database.execute(Broker.endConsumers, Array(found.lost)) }
    }

    /// Puts back all that these consumers hold.
    func takeEverything(from gone: [Int64], beating pulse: Watchdog.Pulse? = nil) async throws {
        try await eachByItself(broker.allEntries()) { entry in
            pulse?.beat(within: broker.longestWork)
            let memory = runtimes.first { $0.queue == entry.name }?.memory ?? ClaimMemory()
            let open = try await broker.openPlaces(of: entry, noting: memory)
            // What one that has come back claims meanwhile is no business of this round.
            var (taken, left) = (0, open.count)
            repeat {
                pulse?.beat(within: broker.longestWork)
                taken = try await broker.rescue(entry, from: gone, beyond: open.watermarks)
                if taken > 0 { journal.record(.rescued(entry.name, count: taken)) }
                left -= taken
            } while taken > 0 && left > 0
        }
    }

    // MARK: Watermarks

    private final class Memory {
        var round = 0
        var claims: [Int32: Int] = [:]
        var kept: [Int32: [Int64]] = [:]
    }

    /// A queue at rest keeps its watermarks once that saves later look-ups this many places.
    private static let worthKeeping: Int64 = 1000

    /// Now and then everywhere: others claim, too, and their leases end.
    private static let thoroughRound = 10

    /// Only where something was claimed here since the last time, or was open then.
    private func moveWatermarks(_ memory: Memory, _ pulse: Watchdog.Pulse) async throws {
        memory.round += 1
        let isThorough = memory.round.isMultiple(of: Self.thoroughRound)
        let wanted = runtimes.filter { isThorough || memory.claims[$0.entry.id] != $0.claimCount }
        try await eachByItself(wanted) { runtime in
            pulse.beat(within: broker.longestWork)
            let claims = runtime.claimCount
            let entry = runtime.entry
            let open = try await broker.openPlaces(of: entry, noting: runtime.memory)
            if open.isEmpty {
                memory.claims[entry.id] = claims
                try await keep(open.watermarks, of: entry, memory)
            } else {
                _ = try await broker.rescueEnded(open, in: entry)
            }
        }
    }

    private func keep(_ watermarks: [Int64], of entry: Catalogue.Entry, _ memory: Memory) async throws {
        let kept = memory.kept[entry.id] ?? []
        let gain = watermarks.enumerated().reduce(0) {
            $0 + $1.element - ($1.offset < kept.count ? kept[$1.offset] : 0)
        }
        guard gain >= Self.worthKeeping else { return }
        try await broker.database.execute(Broker.keepWatermarks, entry.id, watermarks, entry.origin.home)
        memory.kept[entry.id] = watermarks
    }

}
