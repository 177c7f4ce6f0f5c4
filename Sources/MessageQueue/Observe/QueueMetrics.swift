import Metrics
import Postgres
public import ServiceLifecycle
import Synchronization

/// Keeps the gauges of all queues, and of the broker's pool, up to date, through swift-metrics; see <doc:Metrics>.
///
/// A ``Worker`` does this by itself, in one process at a time of each worker name. A program without a worker, such as one
/// that only sends, makes one of these: as a service, which reads now and then, or by calling ``refresh()`` whenever its metrics
/// are asked for.
///
/// ```swift
/// let services = ServiceGroup(services: [server, QueueMetrics(broker)], logger: logger)
/// ```
/// A reading is one statement, with a few index steps for each lane of each queue, whatever the backlog, and a small one.
public final class QueueMetrics: Service {
    private let broker: Broker
    private let interval: Duration
    private let retention: Duration?
    private let own = ProcessGauges()
    private let state = Mutex(State())

    private struct State {
        var queues: [QueueName: QueueGauges] = [:]
        var read: Gauge?
        var overdue: Gauge?
    }

    /// - Parameters:
    ///   - broker: whose queues and pool they are.
    ///   - interval: how often ``run()`` reads; from a millisecond to 366 days.
    ///   - retention: how long workers keep finished messages, see ``WorkerOptions/retention``: parts of the log that stay
    ///     for an hour longer are counted. Nil: nobody counts them.
    public init(_ broker: Broker, every interval: Duration = .seconds(15), retention: Duration? = nil) {
        self.broker = broker
        self.interval = interval
        self.retention = retention
    }

    /// Reads until the task is cancelled or the service group shuts down. Without a database the gauges of the queues keep
    /// their last values, and `mq_queues_read_timestamp_seconds` tells how old they are.
    ///
    /// - Throws: ``QueueError/invalidSettings(_:)`` for an interval outside of its range.
    public func run() async throws {
        try QueueError.demand("interval", interval, in: SettingRange.intervals)
        await cancelWhenGracefulShutdown {
            await self.broker.every({ self.interval }, "queue metrics") { _ in try await self.refresh() }
        }
    }

    /// Reads once. The gauges of a queue that is gone are gone, too.
    ///
    /// - Throws: `PostgresError`. The gauges of the pool are up to date all the same.
    public func refresh() async throws {
        refreshPool()
        record(try await broker.statistics())
        guard let retention else { return }
        let overdue = try await broker.overdueSegments(beyond: retention)
        state.withLock { state in
            let gauge = state.overdue ?? Metric.segmentsOverdue.gauge()
            state.overdue = gauge
            gauge.record(overdue)
        }
    }

    private func record(_ statistics: [QueueStatistics]) {
        let names = Set(statistics.map(\.queue))
        let gone = state.withLock { state in
            let gone = state.queues.filter { !names.contains($0.key) }
            for name in gone.keys { state.queues[name] = nil }
            for queue in statistics {
                let gauges = state.queues[queue.queue] ?? QueueGauges(queue.queue)
                state.queues[queue.queue] = gauges
                gauges.record(queue)
            }
            let read = state.read ?? Metric.queuesRead.gauge()
            state.read = read
            read.record(Wall.now)
            return gone
        }
        for gauges in gone.values { gauges.destroy() }
    }

    /// What this process alone knows.
    func refreshPool() {
        own.record(broker.database.statistics, waiting: broker.waitingRoom.count)
        _ = broker.watchdog.lateLoops()
    }

    /// Somebody else reads from now on: old values must not stay beside new ones.
    func forgetQueues() {
        let forgotten = state.withLock { state in
            defer { state = State() }
            return state
        }
        for gauges in forgotten.queues.values { gauges.destroy() }
        forgotten.read?.destroy()
        forgotten.overdue?.destroy()
    }
}

/// One queue's.
private struct QueueGauges: Sendable {
    private let depth, inFlight, scheduled, retrying, held, blockedKeys, dead, outdated, oldest, paused: Gauge

    init(_ queue: QueueName) {
        depth = Metric.queueDepth.gauge(queue.text)
        inFlight = Metric.queueInFlight.gauge(queue.text)
        scheduled = Metric.queueScheduled.gauge(queue.text)
        retrying = Metric.queueRetrying.gauge(queue.text)
        held = Metric.queueHeld.gauge(queue.text)
        blockedKeys = Metric.queueBlockedKeys.gauge(queue.text)
        dead = Metric.queueDead.gauge(queue.text)
        outdated = Metric.queueOutdated.gauge(queue.text)
        oldest = Metric.queueOldest.gauge(queue.text)
        paused = Metric.queuePaused.gauge(queue.text)
    }

    func record(_ queue: QueueStatistics) {
        depth.record(queue.depth)
        inFlight.record(queue.inFlight)
        scheduled.record(queue.scheduled)
        retrying.record(queue.retrying)
        held.record(queue.held)
        blockedKeys.record(queue.blockedKeys)
        dead.record(queue.dead)
        outdated.record(queue.outdated)
        oldest.record(queue.oldestWaiting ?? 0)
        paused.record(queue.isPaused ? 1 : 0)
    }

    func destroy() {
        for gauge in [depth, inFlight, scheduled, retrying, held, blockedKeys, dead, outdated, oldest, paused] {
            gauge.destroy()
        }
    }
}

private struct ProcessGauges: Sendable {
    private let open = Metric.poolOpen.gauge()
    private let idle = Metric.poolIdle.gauge()
    private let waiting = Metric.poolWaiting.gauge()
    private let limit = Metric.poolLimit.gauge()
    private let receivers = Metric.receiversWaiting.gauge()

    func record(_ pool: Database.Statistics, waiting callers: Int) {
        receivers.record(callers)
        open.record(pool.open)
        idle.record(pool.idle)
        waiting.record(pool.waiting)
        limit.record(pool.limit)
    }
}
