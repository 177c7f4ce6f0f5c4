import Durations
import Logging
public import MessageQueue
import Postgres
public import ServiceLifecycle
public import ShoeShop

extension Settings {
    public static let databaseConnections = Setting(
        "database-connections", default: 4, in: 1...1000,
        "The most connections to the database, beside the one that listens.")
    public static let retention = Setting(
        "retention", default: Duration.seconds(3 * 86_400), in: .seconds(1)...Duration.longest,
        "How long finished messages are kept for traces.")

    /// What a process needs that takes part in the workflow.
    public static let shop: [any SettingDeclaration] = [
        databaseURL, directDatabaseURL, databaseConnections, paymentURL, logisticsURL, retention,
    ]

    public static let breaker = Setting(
        "breaker", default: false,
        "While a provider is down, claim nothing for it but a probe now and then; without it, all are tried again and again."
    )
    public static let workerVersion = Setting(
        "worker-version", default: WorkerOptions().version,
        "Recorded with the worker, and shown by traces: tells old and new workers side by side apart.")
    public static let crash = Setting<CrashPoint?>(
        "crash", default: nil,
        "For failure drills, PHASE:COUNT: kills this process (SIGKILL) when a step reaches the phase for the COUNT-th time."
    )

    /// What a worker needs.
    static let worker = shop + [breaker, workerVersion, crash]
}

extension Context {
    /// Everything a step is made from, with readiness installed.
    ///
    /// A database that can't be reached is waited for, and meanwhile told by readiness; one with another schema is refused.
    /// - Parameters:
    ///   - doingChores: whether the process does chores for the whole database; then it is not ready while one has failed for an hour,
    ///     in whatever process.
    ///   - statementLimit: how long a statement may take before the server breaks it off; nil for as long as it needs.
    /// - Throws: `Migrator.Problem`, with what to do about it; ``SettingsError`` for a connection string that libpq refuses.
    public func shop(doingChores: Bool = true, statementLimit: Duration? = nil) async throws -> Shop {
        let broker = try await broker(standingOn: .shop, doingChores: doingChores, statementLimit)
        return Shop(
            broker: broker, database: broker.database, payment: PaymentClient(url: settings[Settings.paymentURL]),
            logistics: LogisticsClient(url: settings[Settings.logisticsURL]),
            breaker: settings[Settings.breaker] ? CircuitBreaker() : nil)
    }

    /// As ``shop(doingChores:statementLimit:)``, for a program that needs the queues only, and does their chores.
    public func broker() async throws -> Broker {
        try await broker(standingOn: Migrator(.messageQueue), doingChores: true)
    }

    private func broker(
        standingOn schema: Migrator, doingChores: Bool, _ statementLimit: Duration? = nil
    ) async throws -> Broker {
        let database = try database(statementLimit)
        do { try await schema.verifyForShop(on: database) } catch let error as PostgresError {
            logger.warning("the database can't be reached yet", metadata: ["error": "\(error)"])
        }
        let broker = Broker(database, logger: logger)
        operations.readiness("database") { try await schema.verifyForShop(on: database) }
        operations.readiness("loops") { try broker.checkLoops() }
        if doingChores { operations.readiness("upkeep") { try await broker.checkUpkeep() } }
        // Brings the gauges of lateness up to date, also where no worker does.
        operations.beforeMetrics { _ = broker.watchdog.lateLoops() }
        return broker
    }

    private func database(_ statementLimit: Duration?) throws -> Database {
        try check(settings[Settings.databaseURL], of: Settings.databaseURL)
        if let direct = settings[Settings.directDatabaseURL] { try check(direct, of: Settings.directDatabaseURL) }
        var options = DatabaseOptions()
        options.connection.applicationName = name
        options.directConninfo = settings[Settings.directDatabaseURL]
        options.connectionLimit = settings[Settings.databaseConnections]
        if let statementLimit {
            options.connection.settings.append(("statement_timeout", "\(statementLimit.wholeMilliseconds)ms"))
        }
        return Database(settings[Settings.databaseURL], options: options, logger: logger)
    }

    /// Reads the gauges of queues and pool whenever the metrics are asked for; a worker does so by itself.
    public func showQueues(of broker: Broker) {
        let queues = QueueMetrics(broker, retention: settings[Settings.retention])
        // Without a database the gauges keep their last values, and readiness tells why.
        operations.beforeMetrics { try? await queues.refresh() }
    }

    /// Notes in the database that this server is there, for whoever looks from another machine. A worker does so by
    /// itself.
    public func note(on broker: Broker) -> any Service {
        ProcessNote(of: name, on: broker) { [operations] in
            await operations.listening()
        } troubles: { [operations] in
            await operations.failures()
        }
    }

    fileprivate func workerOptions() -> WorkerOptions {
        WorkerOptions(
            drainLimit: shutdownTimes.drain,
            retention: .init(keep: settings[Settings.retention]), version: settings[Settings.workerVersion],
            onPhase: settings[Settings.crash]?.crash(logger: logger))
    }

    /// Such a string won't become a good one: there is nothing to wait for.
    private func check(_ conninfo: String, of setting: some SettingDeclaration) throws(SettingsError) {
        do throws(PostgresError) { _ = try Conninfo(conninfo) } catch {
            throw setting.refused(error.message)
        }
    }
}

extension Migrator {
    /// - Throws: ``Problem``, or ``SchemaIsBehind``.
    func verifyForShop(on database: Database) async throws {
        do { try await verify(on: database) } catch let problem as Problem where problem.isBehind {
            throw SchemaIsBehind(problem: problem)
        }
    }
}

extension Broker {
    fileprivate func checkLoops() throws(LoopsAreLate) {
        let late = watchdog.lateLoops()
        if !late.isEmpty { throw LoopsAreLate(loops: late) }
    }

    fileprivate func checkUpkeep() async throws {
        let neglected = try await neglectedChores()
        if !neglected.isEmpty { throw UpkeepFails(chores: neglected) }
    }
}

/// The schema lacks something, and the shop's own tool would add it.
struct SchemaIsBehind: Error, CustomStringConvertible {
    let problem: Migrator.Problem
    var description: String { "\(problem) (run: shoeshop migrate)" }
}

/// Loops of this process stand still, or what they wait for does.
struct LoopsAreLate: Error, CustomStringConvertible {
    let loops: [LateLoop]
    var description: String { loops.map(\.description).joined(separator: "; ") }
}

/// Something that processes do for the whole database has failed in all of them for an hour.
struct UpkeepFails: Error, CustomStringConvertible {
    let chores: [ChoreEntry]
    var description: String {
        chores.map { "\($0.name) fails for an hour: \($0.error ?? "")" }.joined(separator: "; ")
    }
}

extension Launch {
    /// Runs steps of the workflow on their queues.
    public static func worker(
        _ name: String, _ about: String, @StepList steps: @Sendable (Shop) -> [any WorkerStep]
    ) async {
        await run(name, about, settings: Settings.worker) { context in
            let shop = try await context.shop()
            Worker(name, broker: shop.broker, steps: steps(shop), options: context.workerOptions())
        }
    }
}

/// Lists steps one per line.
@resultBuilder
public enum StepList {
    public static func buildExpression(_ step: any WorkerStep) -> any WorkerStep { step }
    public static func buildBlock(_ steps: any WorkerStep...) -> [any WorkerStep] { steps }
}
