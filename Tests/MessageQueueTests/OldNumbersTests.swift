import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Numbers of one schema are nobody's in another", .timeLimit(.minutes(10)))
struct OldNumbersTests {
    /// Fifty living consumers of somebody else, who hold no locks and may be silent for weeks.
    private static let strangers: Statement = """
        INSERT INTO mq.consumers (name, host, pid, version, lease_ms, holds_lock)
        SELECT 'stranger', 'elsewhere', 1, '1', 4000000000, false FROM generate_series(1, 50)
        """
    private static let untouched: Statement = """
        SELECT count(*) FROM mq.consumers WHERE name = 'stranger' AND heartbeat_at = started_at AND ended_at IS NULL
        """
    private static let occupied = Template("occupied", migrations: [.messageQueue]) { database in
        try await Broker(database).declare(queue: "shoes")
        try await database.execute(strangers)
    }

    /// Makes the schema anew over connections of its own, so that those of `bench` notice nothing, with the same queue in it.
    private func makeAnew(
        _ bench: Bench, _ settings: QueueSettings = QueueSettings(lanes: 1), _ body: (Bench) async throws -> Void
    ) async throws {
        try await Database.open(bench.database.conninfo, options: bench.database.options) { database in
            try await database.script("DROP SCHEMA mq CASCADE")
            try await Migrator(.messageQueue).run(on: database)
            try await database.execute("INSERT INTO mq.queues (id, name, lanes) VALUES ($1, 'shoes', 1)", bench.queue)
            try await body(try await Bench(on: database, settings))
        }
    }

    @Test(
        "a worker whose database was made anew takes another number, and leaves those alone that have its old ones there",
        arguments: [Route.direct, .pooler])
    func consumer(route: Route) async throws {
        try await Bench.with(connections: 12, through: route) { bench in
            try await bench.work([Lace()]) { log in
                try await log.connected()
                let names = try await bench.database.query("SELECT current_database()") { try $0[0, as: String.self] }
                try await TestDatabase.makeAnew(names[0], from: Self.occupied)
                try await log.wait("it is back") { $0.consumers.contains { $0 > 50 } || $0.consumers.count > 3 }
                #expect(log.events.consumers.last ?? 0 > 50)
            }
            #expect(try await bench.number(Self.untouched) == 50)
        }
    }

    @Test("a consumer that leaves after its schema was made anew takes nothing from whoever has its number there")
    func farewell() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            let journal = WorkerJournal(logger: bench.broker.logger, onEvent: nil)
            let consumer = Consumer("worker", version: "1", of: bench.broker, queues: ["shoes"], journal: journal)
            let running = Task { await consumer.run() }
            let presence = try await consumer.presence()
            try await makeAnew(bench) { anew in
                try await anew.database.execute("TRUNCATE mq.consumers RESTART IDENTITY")
                try await anew.database.execute(Self.strangers)
            }
            let handedOver = Tally<[Int64]>([])
            #expect(consumer.beginToLeave()?.id == presence.id)
            running.cancel()
            await running.value
            await consumer.leave(presence) { number in handedOver.change { $0.append(number) } }
            #expect(handedOver.value == [])
            #expect(try await bench.number(Self.untouched) == 50)
        }
    }

    enum Verb: CaseIterable {
        case complete, release, retry, deadLetter, extend, acknowledge, changeVisibility

        /// As whoever has received a message may do it; an error says that it is another one's.
        func act(on held: [ReceivedMessage], by broker: Broker) async throws {
            switch self {
            case .complete: try await broker.complete(held)
            case .release: try await broker.release(held)
            case .retry: try await broker.retry(held.map { .init($0, after: .zero, error: "") })
            case .deadLetter: try await broker.deadLetter(held.map { .init($0, reason: "", error: nil) })
            case .extend: try await broker.extend(held, to: .seconds(90_000))
            case .acknowledge:
                let refused = try await broker.acknowledge(held.map(\.receipt))
                if !refused.isEmpty { throw QueueError.leaseLost(queue: "shoes", message: nil) }
            case .changeVisibility: _ = try await broker.changeVisibility(of: held[0].receipt, to: .seconds(90_000))
            }
        }
    }

    @Test(
        "a receipt is worth nothing in a schema that was made anew under a living connection, whatever is done with it",
        arguments: Verb.allCases)
    func receipt(verb: Verb) async throws {
        try await Bench.with(QueueSettings(lanes: 1), connections: 1) { bench in
            try await bench.send(1)
            let held = try await bench.broker.receive("shoes", lease: .seconds(3600))
            #expect(held.count == 1)
            try await makeAnew(bench) { anew in
                try await anew.send(1)
                let others = try await anew.broker.receive("shoes", lease: .seconds(3600))
                #expect(others.map(\.receipt.seq) == held.map(\.receipt.seq))
                await #expect(throws: QueueError.self) { try await verb.act(on: held, by: bench.broker) }
                #expect(try await anew.statistics().inFlight == 1)
                let longer = "SELECT count(*) FROM mq.claims WHERE lease_until > now() + interval '2 hours'"
                #expect(try await anew.number(Statement(longer)) == 0)
                #expect(try await anew.number("SELECT count(*) FROM mq.leases") == 0)
                try await anew.broker.complete(others)
            }
        }
    }

    @Test(
        "a key that is blocked in a queue made anew is tried again, or skipped, also by who has known the queue before",
        arguments: [false, true])
    func blockedKey(isSkipped: Bool) async throws {
        let settings = QueueSettings(order: .blockOnFailure)
        try await Bench.with(settings) { bench in
            try await bench.send(1)
            try await Database.open(bench.database.conninfo, options: bench.database.options) { database in
                try await database.execute("DELETE FROM mq.queues")
                let anew = try await Bench(on: database, settings)
                try await anew.send(1)
                let held = try await anew.receive()
                try await anew.broker.deadLetter(held.map { .init($0, reason: "ugly", error: nil) })
                #expect(try await anew.broker.blockedKeys().map(\.key) == ["k0"])
                let isFound =
                    try await isSkipped
                    ? bench.broker.skipBlocked("shoes", key: "k0") : bench.broker.retryBlocked("shoes", key: "k0")
                #expect(isFound)
                #expect(try await anew.broker.deadLetters().count == (isSkipped ? 1 : 0))
            }
        }
    }

    @Test("a worker hears the rings of a queue that was made anew, though it looks by itself only every ten minutes")
    func rings() async throws {
        let settings = QueueSettings(lease: .seconds(1))
        try await Bench.with(settings) { bench in
            try await bench.createEffects()
            try await bench.work([Lace()], WorkerOptions(poll: .seconds(600))) { log in
                try await log.connected()
                let others = bench.another()
                // Of a deadlock with the worker's upkeep the server may choose either.
                try await eventually("the queue is deleted") {
                    (try? await bench.database.execute("DELETE FROM mq.queues")) == 1
                }
                try await others.declare(queue: "shoes", settings)
                try await others.send([Outgoing(Shoe(size: 1))], to: bench.shoes)
                try await log.done(1)
                try await others.send([Outgoing(Shoe(size: 2))], to: bench.shoes)
                try await log.done(2)
            }
        }
    }

    @Test("a redrive that has begun in one schema sends nothing back in another")
    func redrive() async throws {
        try await Bench.with(QueueSettings(lanes: 1), connections: 1) { bench in
            func giveUpTwo(_ bench: Bench) async throws {
                try await bench.send(2)
                try await bench.broker.deadLetter(bench.receive().map { .init($0, reason: "tired", error: nil) })
            }
            try await giveUpTwo(bench)
            // One after the other, with ten seconds between them.
            let redriving = Task { try await bench.broker.redrive(rate: 0.1) }
            try await eventually("the first is on its way") { try await bench.broker.deadLetterCount() == 1 }
            try await makeAnew(bench) { anew in
                try await giveUpTwo(anew)
                await #expect(throws: PostgresError.self) { try await redriving.value }
                #expect(try await anew.broker.deadLetterCount() == 2)
            }
        }
    }

    @Test("how far the log of one schema is finished is kept in no other")
    func watermarks() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            let before = try await bench.entry()
            try await makeAnew(bench) { anew in
                let error = await #expect(throws: PostgresError.self) {
                    try await bench.database.execute(
                        Broker.keepWatermarks, before.id, [Int64(1) << 41], before.origin.home)
                }
                #expect(error?.sqlState == "40001" && error?.isRetryable == true)
                #expect(try await anew.number("SELECT count(*) FROM mq.watermarks") == 0)
                let now = try await anew.entry()
                try await anew.database.execute(Broker.keepWatermarks, now.id, [Int64(7)], now.origin.home)
                #expect(try await anew.number("SELECT watermark FROM mq.watermarks") == 7)
            }
        }
    }
}
