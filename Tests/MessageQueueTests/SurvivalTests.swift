import DeliveryCheck
import Foundation
import TestSupport
import Testing

@testable import MessageQueue
@testable import Postgres

@Suite("Workers survive, and what they leave behind is taken up", .timeLimit(.minutes(10)))
struct SurvivalTests {
    private static let killOthers: Statement = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        """

    private static let killReceiver: Statement = """
        SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
        WHERE a.application_name = 'worker' AND NOT l.granted AND l.relation = 'mq.lanes'::regclass
            AND a.datname = current_database()
        """

    @Test("workers whose connections are all terminated, again and again, under load: every message has one effect")
    func terminated() async throws {
        try await Bench.with(QueueSettings(retry: RetryPolicy(attempts: 30, base: .milliseconds(1)))) { bench in
            try await bench.createEffects()
            try await bench.send(1500)
            try await bench.work([Lace(options: StepOptions(batch: 10, concurrency: 2))]) { log in
                for round in 1...4 {
                    try await log.done(round * 150)
                    try await eventually("the shot is fired") {
                        (try? await bench.database.execute(Self.killOthers)) != nil
                    }
                }
                try await eventually("all have their effect") { (try? await bench.effects()) == [1500, 0] }
                try await eventually("none is open") { try await bench.statistics().inFlight == 0 }
            }
            let handled = try await bench.database.query("SELECT size FROM effect") { try $0[0, as: Int.self] }
            let sent = Array(0..<1500)
            let check = QueueCheck(attempted: sent, acknowledged: sent, handled: handled)
            print("all connections terminated: \(check)")
            #expect(check.isFaultless && check.duplicated == 0, "\(check)")
            #expect(try await bench.number("SELECT count(*) FROM mq.dead_letters") == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a server that is read-only for a while costs no message an attempt, and every message has one effect")
    func readOnlyServer() async throws {
        try await OwnServer.with { server in
            let database = Database(server.conninfo)
            try await Template.queues.prepare(database)
            // One attempt is all that a message has.
            let bench = try await Bench(on: database, QueueSettings(retry: RetryPolicy(attempts: 1)))
            try await bench.createEffects()
            try await bench.send(600)
            try await bench.work([Lace(options: StepOptions(batch: 10, concurrency: 2))]) { log in
                try await log.done(50)
                try await server.refuseWrites(true)
                try await log.wait("the worker has noticed") { events in
                    events.contains { if case .disconnected = $0 { true } else { false } }
                }
                try await server.refuseWrites(false)
                try await log.done(600)
                #expect(log.events.deadReasons == [])
            }
            #expect(try await bench.effects() == [600, 0])
            #expect(try await bench.number("SELECT count(*) FROM mq.dead_letters") == 0)
            #expect(try await bench.audit() == [])
            await database.close()
        }
    }

    @Test("a worker that dies is noticed although its lease goes on, and another one handles what it held")
    func crash() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            let doomed = try await bench.database.dedicatedConnection(named: "doomed")
            try await doomed.execute(Consumer.lock, bench.consumer)
            try await bench.send(30)
            #expect(try await bench.receive().count == 30)
            try await bench.work([Lace()]) { log in
                try await log.connected()
                await doomed.close()
                // Its lease lasts for weeks: that its lock is free is all that tells.
                try await log.done(30)
                try await log.wait("the other is given up") { $0.contains(.consumerLost(bench.consumer)) }
            }
            #expect(try await bench.effects() == [30, 0])
        }
    }

    @Test("a live worker that gives no sign of life for a lease loses its messages")
    func silence() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            let frozen = try await bench.database.dedicatedConnection(named: "frozen")
            try await frozen.execute(Consumer.lock, bench.consumer)
            try await bench.database.execute(
                "UPDATE mq.consumers SET lease_ms = 1000, heartbeat_at = now() - interval '2 seconds'")
            try await bench.send(5)
            let held = try await bench.receive()
            try await bench.work([Lace()]) { log in try await log.done(5) }
            await #expect(throws: QueueError.self) { try await bench.broker.complete(held) }
            #expect(try await bench.effects() == [5, 0])
        }
    }

    @Test("a claim whose answer was lost with the connection is handled all the same, by the same worker")
    func lostClaim() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.broker.pause("shoes")
            try await bench.send(5)
            try await bench.work([Lace()], WorkerOptions(poll: .milliseconds(200))) { log in
                try await log.connected()
                let worker = try #require(log.events.consumers.first)
                try await bench.database.write { session in
                    // The claim that the server makes, and the connection that dies before it is told so.
                    try session.execute("LOCK TABLE mq.lanes IN ACCESS EXCLUSIVE MODE")
                    try session.execute("UPDATE mq.queues SET paused_at = NULL")
                    let held = try bench.receive(10, by: worker, in: session)
                    #expect(held.count == 5)
                    while try session.execute(Self.killReceiver) == 0 { try session.execute("SELECT pg_sleep(0.01)") }
                }
                try await log.done(5)
                #expect(Set(log.events.consumers).count == 2, "it begins anew under another number")
            }
            #expect(try await bench.effects() == [5, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a consumer that was given up, and claims once more before it notices, loses that as well")
    func claimAfterTheEnd() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.database.execute(Broker.endConsumers, [bench.consumer])
            try await bench.send(5)
            let held = try await bench.receive()
            #expect(held.count == 5)
            try await bench.work([Lace()]) { log in try await log.done(5) }
            await #expect(throws: QueueError.self) { try await bench.broker.complete(held) }
            #expect(try await bench.effects() == [5, 0])
        }
    }

    @Test("a lease that somebody else let run out is noticed by a worker that has nothing to do")
    func runOutElsewhere() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.work([Lace()]) { log in
                try await bench.send(1)
                try await log.done(1)
                try await eventually("it has settled, and is idle") { try await bench.statistics().inFlight == 0 }
                try await bench.broker.pause("shoes")
                try await bench.send(5, from: 1)
                try await bench.database.write { session in
                    try session.execute("UPDATE mq.queues SET paused_at = NULL")
                    let held = try bench.receive(10, by: bench.consumer, lease: .milliseconds(100), in: session)
                    #expect(held.count == 5)
                }
                try await log.done(6)
            }
            #expect(try await bench.effects() == [6, 0])
        }
    }

    @Test("a graceful shutdown finishes what is in flight and starts nothing new")
    func graceful() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            let (started, start) = AsyncStream.makeStream(of: Void.self)
            let step = Polish { _ in
                start.yield()
                // Longer than the stop takes to arrive.
                try await Task.sleep(for: .milliseconds(300))
            }
            try await bench.work([step]) { _ in
                try await bench.send(40)
                for await _ in started { break }
            }
            let effects = try await bench.effects()[0]
            let statistics = try await bench.statistics()
            #expect(effects > 0 && statistics.inFlight == 0 && statistics.dead == 0)
            #expect(effects + statistics.depth + statistics.scheduled == 40)
            #expect(
                try await bench.number("SELECT count(*) FROM mq.consumers WHERE name = 'worker' AND ended_at IS NULL")
                    == 0)
        }
    }

    @Test("what outlasts the drain limit is given back, without counting the attempt")
    func drained() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            let (started, start) = AsyncStream.makeStream(of: Void.self)
            let step = Polish(options: StepOptions(limit: .seconds(3600))) { _ in
                start.yield()
                try await Task.sleep(for: .seconds(3600))
            }
            try await bench.work([step], WorkerOptions(drainLimit: .milliseconds(100))) { _ in
                try await bench.send(5)
                for await _ in started { break }
                try await eventually("all are in flight") { try await bench.statistics().inFlight == 5 }
            }
            let statistics = try await bench.statistics()
            #expect(statistics.inFlight == 0 && statistics.scheduled == 5)
            #expect(try await bench.number("SELECT sum(attempt) FROM mq.scheduled") == 5)
        }
    }

    @Test("a worker that leaves puts back even what it does not know that it holds")
    func leaving() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.broker.pause("shoes")
            try await bench.send(5)
            try await bench.work([Lace()]) { log in
                try await log.connected()
                let worker = try #require(log.events.consumers.first)
                // A claim in its name whose answer it never got.
                try await bench.database.write { session in
                    try session.execute("UPDATE mq.queues SET paused_at = NULL")
                    let held = try bench.receive(10, by: worker, in: session)
                    #expect(held.count == 5)
                }
            }
            let statistics = try await bench.statistics()
            #expect(statistics.inFlight == 0 && statistics.retrying == 5)
        }
    }

    @Test("an idle worker makes fewer than two statements a second")
    func idle() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            let sent = Tally(0)
            var options = bench.database.options
            options.connection.pace = { sql in
                if !["BEGIN", "COMMIT", "ROLLBACK"].contains(sql) { sent.change { $0 += 1 } }
            }
            let idler = Bench(bench, on: Database(bench.database.conninfo, options: options))
            try await idler.work([Lace()], WorkerOptions(poll: .seconds(10))) { log in
                try await log.connected()
                // The statements of its start are in the first stretch.
                var longest = Duration.zero
                for _ in 0..<3 where longest < .seconds(8) {
                    let (before, began) = (sent.value, ContinuousClock.now)
                    try await eventually("16 statements") { sent.value >= before + 16 }
                    longest = max(longest, began.duration(to: .now))
                }
                #expect(longest >= .seconds(8))
            }
            await idler.database.close()
        }
    }
}
