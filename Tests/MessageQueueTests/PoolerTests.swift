import Foundation
import LocalPostgres
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Through a pooler in transaction mode the engine keeps its promises", .timeLimit(.minutes(10)))
struct PoolerTests {
    private static let locks: Statement = """
        SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = mq.lock_class() AND objid <> 0 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """
    /// So long that only a ring, or the adaptive poll, explains an answer.
    private static let patient = WorkerOptions(poll: .seconds(3600))

    @Test("behind a pooler sending, publishing, receiving and each way to finish work by hand")
    func byHand() async throws {
        try await Bench.with(through: .pooler) { bench in
            try await bench.broker.declare(topic: "arrivals")
            try await bench.broker.subscribe("shoes", to: "arrivals")
            try await bench.send(40)
            try await bench.broker.publish(
                (40..<50).map { Outgoing(Shoe(size: $0)) }, to: Topic<Shoe>("arrivals"))
            let held = try await bench.broker.receive("shoes", limit: 50, lease: .seconds(60))
            #expect(held.count == 50)
            try await bench.broker.complete(Array(held[..<20]))
            try await bench.broker.retry(held[20..<30].map { .init($0, after: .zero, error: "again") })
            try await bench.broker.release(Array(held[30..<40]))
            try await bench.broker.deadLetter(held[40...].map { .init($0, reason: "r", error: nil) })
            await #expect(throws: QueueError.self) { try await bench.broker.complete([held[0]]) }
            #expect(try await bench.broker.redrive().moved == 10)
            try await bench.promoteAll()
            #expect(try await bench.statistics().depth == 30)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("behind a pooler a worker handles what others send, without a ring, a lock or a session of its own")
    func polling() async throws {
        try await Bench.with(through: .pooler) { bench in
            try await bench.createEffects()
            try await bench.work([Lace()], Self.patient) { log in
                try await log.connected()
                for round in 0..<5 {
                    try await bench.send(60, from: round * 60)
                    try await log.done(round * 60 + 60)
                }
                #expect(try await bench.number(Self.locks) == 0)
                #expect(
                    try await bench.number("SELECT count(*) FROM mq.consumers WHERE holds_lock AND name = 'worker'")
                        == 0)
            }
            #expect(try await bench.effects() == [300, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("with a direct address beside the pooler, a worker listens and locks as without one")
    func direct() async throws {
        try await Bench.with(through: .poolerAndDirect) { bench in
            try await bench.createEffects()
            try await bench.work([Lace()], Self.patient) { log in
                try await log.connected()
                try await eventually("it has its lock") { try await bench.number(Self.locks) == 1 }
                for size in 0..<10 {
                    try await bench.send(1, from: size)
                    try await log.done(size + 1)
                }
            }
            #expect(try await bench.effects() == [10, 0])
        }
    }

    @Test("behind a pooler a worker whose heartbeat ends is given up, and another one handles what it held")
    func heartbeat() async throws {
        try await Bench.with(through: .pooler) { bench in
            try await bench.createEffects()
            try await bench.database.execute("UPDATE mq.consumers SET holds_lock = false, lease_ms = 1000")
            try await bench.send(30)
            let held = try await bench.receive()
            #expect(held.count == 30)
            try await bench.work([Lace()]) { log in
                try await log.done(30)
                try await log.wait("the other is given up") { $0.contains(.consumerLost(bench.consumer)) }
                try await eventually("its number is ended, so that nobody looks for it again") {
                    try await bench.number("SELECT count(*) FROM mq.consumers WHERE name = 'test' AND ended_at IS NULL")
                        == 0
                }
            }
            await #expect(throws: QueueError.self) { try await bench.broker.complete(held) }
            #expect(try await bench.effects() == [30, 0])
        }
    }

    @Test("a worker behind the pooler, which holds no lock, isn't taken for dead by one that has a session")
    func mixed() async throws {
        try await Bench.with(through: .poolerAndDirect) { bench in
            try await bench.createEffects()
            let pooled = Database(bench.database.conninfo, logger: bench.broker.logger)
            let inner = try await Bench(on: pooled)
            let (started, start) = AsyncStream.makeStream(of: Void.self)
            let (mayEnd, end) = AsyncStream.makeStream(of: Void.self)
            let slow = Polish { _ in
                start.yield()
                for await _ in mayEnd { break }
            }
            try await inner.work([slow]) { log in
                try await bench.send(1)
                for await _ in started { break }
                let worker = try #require(log.events.consumers.first)
                let gone = try await bench.broker.findGone(except: 0, on: bench.database)
                #expect(
                    gone.lockless.contains(worker) && !gone.unlocked.contains(worker) && !gone.silent.contains(worker))
                end.yield()
                try await log.done(1)
            }
            await pooled.close()
        }
    }

    @Test("every connection between pooler and server cut, again and again, under load: every message has one effect")
    func cut() async throws {
        try await Bench.with(QueueSettings(retry: RetryPolicy(attempts: 30, base: .milliseconds(1))), through: .pooler)
        {
            bench in
            try await bench.createEffects()
            try await bench.send(800)
            try await bench.work([Lace(options: StepOptions(batch: 10, concurrency: 2))]) { log in
                for round in 1...3 {
                    try await log.done(round * 100)
                    try await eventually("the shot is fired") {
                        (try? await bench.database.execute(
                            """
                            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE datname = current_database() AND pid <> pg_backend_pid()
                            """)) != nil
                    }
                }
                try await eventually("all have their effect") { (try? await bench.effects()) == [800, 0] }
                try await eventually("none is open") { try await bench.statistics().inFlight == 0 }
            }
            #expect(try await bench.number("SELECT count(*) FROM mq.dead_letters") == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a worker goes on when the server behind its pooler is stopped and started again")
    func restart() async throws {
        var settings = LocalPostgresSettings()
        settings.fsync = false
        let folder = "/tmp/lp-\(UUID().uuidString.prefix(8).lowercased())"
        let postgres = LocalPostgres(directory: folder, settings: settings)
        _ = try await postgres.removeWithThisProcess()
        let pooler = try await TestPooler.start(before: try await postgres.start())
        let database = Database(pooler.conninfo("shoeshop"))
        try await Template.queues.prepare(database)
        let bench = try await Bench(on: database)
        try await bench.createEffects()
        try await bench.work([Lace()], Self.patient) { log in
            for round in 0..<3 {
                try await bench.send(50, from: round * 50)
                try await log.done(round * 50 + 50)
                try await postgres.stop()
                _ = try await postgres.start()
                try await eventually("sending works again") { (try? await bench.effects()) != nil }
            }
        }
        #expect(try await bench.effects() == [150, 0])
        #expect(try await bench.audit() == [])
        await database.close()
        try await postgres.stop()
    }
}
