import Foundation
import Logging
import MessageQueue
import Postgres
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Scenarios

/// The lines to the database that were there fall silent, and new ones pass: nobody hangs up, nothing comes.
@Suite("A worker behind lines that have fallen silent", .timeLimit(.minutes(10)))
struct SilentLineTests {
    @Test(
        "a worker leaves lines that have fallen silent, and handles what was sent meanwhile", arguments: Kind.allCases)
    func comesBack(kind: Kind) async throws {
        try await Workbench.with { bench in
            try await bench.work(kind) { _ in
                try await bench.send(20)
                try await bench.waitForEffects(20)
                try await bench.proxy.begin(.silence)
                try await bench.send(20)
                try await bench.waitForEffects(40)
            }
            try await bench.expectEachOnce(40)
        }
    }

    @Test(
        "lines that fall silent among claims and commits cost no message, and none has its effect twice",
        arguments: Kind.allCases)
    func inTheMiddle(kind: Kind) async throws {
        try await Workbench.with { bench in
            try await bench.work(kind) { _ in
                for round in 1...3 {
                    try await bench.send(200)
                    // Somewhere between its claims and its commits.
                    try await bench.waitForEffects(round * 200 - 190)
                    try await bench.proxy.begin(.silence)
                    try await bench.waitForEffects(round * 200)
                }
            }
            try await bench.expectEachOnce(600)
        }
    }

    @Test(
        "an idle worker notices that the line on which it listens has fallen silent, and hears rings again over another"
    )
    func idle() async throws {
        try await Workbench.with { bench in
            // Nothing but a ring makes it look before ten minutes have passed.
            try await bench.work(.step, poll: .seconds(600)) { connections in
                try await bench.send(1)
                try await bench.waitForEffects(1)
                let before = connections()
                try await bench.proxy.begin(.silence)
                try await eventually("it has another line") { connections() > before }
                try await bench.send(1)
                try await bench.waitForEffects(2)
            }
        }
    }

    @Test(
        "a worker whose lines are silent stops in order, and another one finishes what it had",
        arguments: [NetworkFault.silence, .halfOpen])
    func stops(fault: NetworkFault) async throws {
        try await Workbench.with { bench in
            try await bench.work(.step, drainLimit: .seconds(2)) { _ in
                try await bench.send(100)
                try await bench.waitForEffects(1)
                try await bench.proxy.begin(fault)
                try await bench.send(100)
            }
            try await bench.proxy.end(fault)
            try await bench.work(.step) { _ in try await bench.waitForEffects(200) }
            try await bench.expectEachOnce(200)
        }
    }

    @Test("a worker tells which of its loops stand still while nothing comes through, until they come round again")
    func loops() async throws {
        try await Workbench.with { bench in
            let watchdog = bench.through.watchdog
            try await bench.work(.step) { _ in
                try await bench.send(1)
                try await bench.waitForEffects(1)
                #expect(watchdog.lateLoops().isEmpty)
                try await bench.proxy.begin(.halfOpen)
                for loop in ["receive shoes", "rescue", "heartbeat"] {
                    try await eventually("\(loop) is late") { watchdog.lateLoops().contains { $0.name == loop } }
                }
                try await bench.proxy.end(.halfOpen)
                try await eventually("nothing is late") { watchdog.lateLoops().isEmpty }
                try await bench.send(1)
                try await bench.waitForEffects(2)
            }
            // Loops that have ended are not late.
            #expect(watchdog.lateLoops().isEmpty)
        }
    }

    @Test("a step whose own code does not return is told as late, by name")
    func stuckStep() async throws {
        try await Workbench.with { bench in
            let gate = DispatchSemaphore(value: 0)
            let stuck = Lace { _ in gate.wait() }
            try await bench.work([stuck]) { _ in
                try await bench.send(1)
                try await eventually("settling is late") {
                    bench.through.watchdog.lateLoops().contains { $0.name == "settle shoes" }
                }
                gate.signal()
                try await bench.waitForEffects(1)
                try await eventually("nothing is late") { bench.through.watchdog.lateLoops().isEmpty }
            }
        }
    }

    @Test("the line by which rings reach those who wait is left once it has fallen silent, and another one is made")
    func waiting() async throws {
        try await Workbench.with { bench in
            async let message = bench.through.receive("shoes", lease: .seconds(60), waiting: .seconds(600))
            let before = try await eventually("somebody listens for those who wait") { () -> Set<Int32>? in
                let listeners = try await bench.listeners()
                return listeners.isEmpty ? nil : listeners
            }
            try await bench.proxy.begin(.silence)
            try await eventually("another line listens") {
                try await !bench.listeners().isSubset(of: before)
            }
            try await bench.send(1)
            #expect(try await message.count == 1)
        }
    }

    @Test(
        "a statement that may take an hour is given up once its line is silent and its server process done or away",
        arguments: [NetworkFault.silence, .halfOpen])
    func longLimit(fault: NetworkFault) async throws {
        try await Workbench.with { bench in
            let through = bench.through.database
            let blocker = try await bench.database.dedicatedConnection(named: "blocker")
            try await blocker.script("SELECT pg_advisory_lock(1)")
            async let error = failure {
                _ = try await through.write(within: .seconds(3600)) {
                    try $0.execute("SELECT pg_advisory_xact_lock(1)")
                }
            }
            try await eventually("it waits for its lock") {
                try await bench.database.query(
                    """
                    SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'
                    """
                ) { _ in 1 } == [1]
            }
            try await bench.proxy.begin(fault)
            await blocker.close()
            #expect(await error?.kind == .connectionLost)
            try await bench.proxy.end(fault)
            #expect(try await through.query("SELECT 1") { try $0[0, as: Int.self] } == [1])
        }
    }

    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case step, preparingStep
        var testDescription: String { rawValue }
    }
}

private struct Shoe: Codable, Sendable { var size: Int }

/// Leaves an effect for each shoe.
private struct Lace: Step {
    let queue = Queue<Shoe>("shoes")
    let options = StepOptions(batch: 5, concurrency: 2)
    var inspect: @Sendable ([Delivery<Shoe>]) -> Void = { _ in }

    func commit(_ batch: [Delivery<Shoe>], in session: borrowing Session) throws {
        inspect(batch)
        session.pipeline("INSERT INTO effect SELECT unnest($1::int[])", batch.map { Int32($0.payload.size) })
    }
}

private struct Polish: PreparingStep {
    let queue = Queue<Shoe>("shoes")
    let options = StepOptions(batch: 5, concurrency: 16)

    func prepare(_ delivery: Delivery<Shoe>) async throws -> Int32 { Int32(delivery.payload.size) }

    func commit(_ batch: [PreparedDelivery<Shoe, Int32>], in session: borrowing Session) throws {
        session.pipeline("INSERT INTO effect SELECT unnest($1::int[])", batch.map(\.prepared))
    }
}

extension Template {
    fileprivate static let shoes = Template("shoe queue", migrations: [.messageQueue]) { database in
        try await Broker(database).declare(
            queue: "shoes", QueueSettings(retry: .init(attempts: 100, base: .milliseconds(50))))
        try await database.script("CREATE TABLE effect (size int)")
    }
}

/// A queue of shoes, whose worker reaches the database through a proxy. The test itself does not.
private final class Workbench: Sendable {
    let database: Database
    let proxy: Proxy
    let through: Broker
    private let direct: Broker
    private let sent = Mutex(0)

    private init(_ database: Database, _ proxy: Proxy, through: Database) {
        self.database = database
        self.proxy = proxy
        self.through = Broker(through, logger: Self.quiet)
        direct = Broker(database, logger: Self.quiet)
    }

    static func with(_ body: (Workbench) async throws -> Void) async throws {
        try await TestDatabase.with(.shoes) { database async throws in
            let proxy = try await Proxy(to: try await target(database))
            var options = DatabaseOptions()
            options.connectionLimit = 3
            options.waitLimit = .seconds(2)
            options.connection.silenceLimit = .seconds(2)
            options.connection.connectTimeout = .seconds(2)
            // Of a key that is given twice, libpq takes the second.
            let conninfo = "\(database.conninfo) host='127.0.0.1' port=\(proxy.port) sslmode=disable gssencmode=disable"
            let through = Database(conninfo, options: options, logger: quiet)
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(Workbench(database, proxy, through: through))) } catch {
                outcome = .failure(error)
            }
            await through.close()
            await proxy.close()
            try outcome.get()
        }
    }

    private static func target(_ database: Database) async throws -> Proxy.Target {
        let sockets = try await database.query(
            "SELECT current_setting('unix_socket_directories') || '/.s.PGSQL.' || current_setting('port')"
        ) { try $0[0, as: String.self] }
        return .unixSocket(path: try #require(sockets.first))
    }

    private static var quiet: Logger {
        var logger = Logger(label: "tests")
        logger.logLevel = .error
        return logger
    }

    func work(
        _ kind: SilentLineTests.Kind, poll: Duration = .seconds(1), drainLimit: Duration = .seconds(20),
        _ body: (_ connections: () -> Int) async throws -> Void
    ) async throws {
        let step: any WorkerStep = kind == .step ? Lace() : Polish()
        try await work([step], WorkerOptions(poll: poll, drainLimit: drainLimit), body)
    }

    /// Runs a worker around `body`, then shuts it down gracefully and waits for its end.
    func work(
        _ steps: [any WorkerStep], _ options: WorkerOptions = WorkerOptions(poll: .seconds(1)),
        _ body: (_ connections: () -> Int) async throws -> Void
    ) async throws {
        let connections = Counter()
        var options = options
        options.onEvent = { if case .connected = $0 { connections.add() } }
        let worker = Worker("silent", broker: through, steps: steps, options: options)
        let services = ServiceGroup(services: [worker], logger: Self.quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body { connections.count }) } catch { outcome = .failure(error) }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
            try outcome.get()
        }
    }

    private final class Counter: Sendable {
        private let state = Mutex(0)
        var count: Int { state.withLock { $0 } }
        func add() { state.withLock { $0 += 1 } }
    }

    func send(_ count: Int) async throws {
        let first = sent.withLock { sent in
            defer { sent += count }
            return sent
        }
        try await direct.send(
            (first..<first + count).map { Outgoing(Shoe(size: $0)) }, to: Queue<Shoe>("shoes"))
    }

    /// The server processes that ring for those who wait.
    func listeners() async throws -> Set<Int32> {
        Set(
            try await database.query(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'message-queue waiting' AND datname = current_database()"
            ) { try $0[0, as: Int32.self] })
    }

    func waitForEffects(_ count: Int) async throws {
        try await eventually("\(count) have their effect", within: .seconds(300)) {
            try await database.query("SELECT count(DISTINCT size) FROM effect") { try $0[0, as: Int.self] }[0] >= count
        }
    }

    func expectEachOnce(_ count: Int) async throws {
        let effects = try await database.query("SELECT size FROM effect ORDER BY size") { try $0[0, as: Int.self] }
        #expect(effects == Array(0..<count))
        #expect(try await EngineAudit.contradictions(on: database) == [])
    }
}
