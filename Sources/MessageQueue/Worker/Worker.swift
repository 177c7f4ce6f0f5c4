import Logging
import Postgres
public import ServiceLifecycle
import UnixSignals

/// How a worker works, whatever its steps. Durations are a year at the most, 366 days; ``Worker/run()`` refuses longer ones.
public struct WorkerOptions: Sendable {
    /// How often an idle step looks for messages without having been rung; a millisecond or more.
    public var poll: Duration
    /// How long, after the stop signal, messages in flight may take before they are given back.
    public var drainLimit: Duration
    /// When segments of the log are opened and dropped.
    public var retention: Broker.Retention
    /// How often segments are looked after; a millisecond or more.
    public var upkeepInterval: Duration
    /// How often the gauges of queues and pool are read, a millisecond or more, see <doc:Metrics>; nil for never. Each time costs
    /// one small statement, and one of the workers of this name another one for all queues.
    public var gaugeInterval: Duration?
    /// Recorded with the worker, so that old and new ones side by side can be told apart: your program's, or, unless given, the
    /// library's. Which of them fit the schema, the schema decides.
    public var version: String
    /// Runs around what the steps do, the first one outermost; see <doc:Observing>.
    public var middleware: [any StepMiddleware]
    /// Told of everything that happens; for tests.
    public var onEvent: (@Sendable (WorkerEvent) -> Void)?
    /// Called at each phase of each message and batch, in the middle of the work, which waits for it; for drills that
    /// make a process die there. A transaction then takes one more round trip.
    public var onPhase: (@Sendable (StepPhase) -> Void)?

    /// The defaults, but for what is given.
    public init(
        poll: Duration = .seconds(10), drainLimit: Duration = .seconds(20), retention: Broker.Retention = .init(),
        upkeepInterval: Duration = .seconds(30), gaugeInterval: Duration? = .seconds(15),
        version: String = Broker.libraryVersion, middleware: [any StepMiddleware] = [],
        onEvent: (@Sendable (WorkerEvent) -> Void)? = nil, onPhase: (@Sendable (StepPhase) -> Void)? = nil
    ) {
        self.poll = poll
        self.drainLimit = drainLimit
        self.retention = retention
        self.upkeepInterval = upkeepInterval
        self.gaugeInterval = gaugeInterval
        self.version = version
        self.middleware = middleware
        self.onEvent = onEvent
        self.onPhase = onPhase
    }

    /// - Throws: ``QueueError/invalidSettings(_:)`` for the first that lies outside of its range.
    fileprivate func check() throws {
        try QueueError.demand("poll", poll, in: SettingRange.intervals)
        try QueueError.demand("drainLimit", drainLimit, in: SettingRange.delays)
        try retention.check()
        try QueueError.demand("upkeepInterval", upkeepInterval, in: SettingRange.intervals)
        if let gaugeInterval { try QueueError.demand("gaugeInterval", gaugeInterval, in: SettingRange.intervals) }
    }
}

/// Runs steps on their queues until it is told to stop.
///
/// A program that does nothing else calls ``runService()``, which drains on SIGTERM and SIGINT. One with other services
/// gives its worker to a `ServiceGroup`, which decides when each of them stops.
///
/// Guarantee: at-least-once delivery, with effects exactly once in the database. Survives a server that goes away and comes
/// back. A graceful shutdown stops receiving, finishes what is in flight within ``WorkerOptions/drainLimit``, and gives
/// the rest back without counting the attempt.
public struct Worker: Service {
    let name: String
    let broker: Broker
    let steps: [any WorkerStep]
    let options: WorkerOptions

    /// A worker that isn't running yet.
    ///
    /// - Parameters:
    ///   - name: shown with its connection, in traces and to operators; the same for all processes that do the same.
    ///   - broker: whose database is worked on.
    ///   - steps: each on a queue of its own.
    ///   - options: the defaults, unless given.
    public init(_ name: String, broker: Broker, steps: [any WorkerStep], options: WorkerOptions = .init()) {
        self.name = name
        self.broker = broker
        self.steps = steps
        self.options = options
    }

    /// Runs as the whole of a program: until SIGTERM or SIGINT, upon which it shuts down gracefully and returns.
    ///
    /// ```swift
    /// try await Worker("greeter", broker: broker, steps: [Greet()]).runService()
    /// ```
    /// - Throws: as ``run()``.
    public func runService() async throws {
        let group = ServiceGroup(services: [self], gracefulShutdownSignals: [.sigterm, .sigint], logger: broker.logger)
        try await group.run()
    }

    /// Runs as one service of a `ServiceGroup`, until the group shuts it down gracefully.
    ///
    /// Traps no signals: outside of a group, only cancellation ends it, which gives back at once what is in flight.
    /// - Throws: `Migrator.Problem` when the schema is too old or too new for this program, with both versions and what to do;
    ///   ``QueueError/unknownQueue(_:)`` when a step's queue was never declared; ``QueueError/invalidSettings(_:)`` for an option
    ///   outside of its range; `PostgresError` when libpq would refuse a connection string, which nobody can wait for.
    public func run() async throws {
        try options.check()
        for step in steps { try step.options.check(of: step.queueName) }
        try broker.database.checkConnectionStrings()
        let journal = WorkerJournal(logger: broker.logger, onEvent: options.onEvent)
        let consumer = Consumer(
            name, version: options.version, of: broker, queues: steps.map(\.queueName), journal: journal)
        guard let entries = try await entriesWaiting() else { return }
        let runtimes = zip(steps, entries).map { step, entry in
            StepRuntime(
                broker: broker, source: consumer, entry: entry, breaker: step.options.breaker, journal: journal,
                options: options)
        }
        defer { for runtime in runtimes { runtime.close() } }
        let upkeep = Upkeep(broker: broker, consumer: consumer, runtimes: runtimes, journal: journal, options: options)
        await withTaskGroup(of: Void.self) { background in
            background.addTask { await consumer.run() }
            background.addTask { await upkeep.run() }
            await withGracefulShutdownHandler {
                await runSteps(runtimes)
            } onGracefulShutdown: {
                for runtime in runtimes { runtime.stop() }
                consumer.stopWaiting()
            }
            let presence = consumer.beginToLeave()
            background.cancelAll()
            await consumer.leave(presence) { try await upkeep.takeEverything(from: [$0]) }
        }
    }

    private func runSteps(_ runtimes: [StepRuntime]) async {
        enum Ended { case step, drainLimit }
        await withTaskGroup(of: Ended.self) { group in
            for (step, runtime) in zip(steps, runtimes) {
                group.addTask {
                    await step.runner.run(runtime)
                    return .step
                }
            }
            group.addTask {
                // Both only throw when cancelled, which ends the wait as well.
                try? await gracefulShutdown()
                try? await Task.sleep(for: options.drainLimit)
                return .drainLimit
            }
            var running = steps.count
            while running > 0, await group.next() == .step { running -= 1 }
            group.cancelAll()
        }
    }

    /// The queues may be looked up while the database is still starting, and only in a schema that this program works with.
    ///
    /// - Returns: nil when told to stop before there is one.
    private func entriesWaiting() async throws -> [Catalogue.Entry]? {
        var pause = Duration.milliseconds(250)
        while !Task.isShuttingDownGracefully {
            do {
                try await verifySchema()
                return try await broker.entries(of: steps.map(\.queueName), on: broker.database)
            } catch let error as PostgresError
                where error.isConnectionTrouble || error.isRetryable
            {
                broker.logger.info("waiting for the database", metadata: ["error": "\(error)"])
                // Ends early, by an error, when the shutdown begins: the loop sees it.
                try? await cancelWhenGracefulShutdown { [pause] in try await Task.sleep(for: pause) }
                try Task.checkCancellation()
                pause = min(pause * 2, .seconds(5))
            }
        }
        return nil
    }

    /// A role that was given less than `mq.lend_to` gives may work all the same: the statements themselves tell what it lacks.
    private func verifySchema() async throws {
        do {
            try await Migrator(.messageQueue).verify(on: broker.database)
        } catch let error as PostgresError where error.sqlState == "42501" {
            broker.logger.info("the schema's version can't be read", metadata: ["error": "\(error)"])
        }
    }
}
