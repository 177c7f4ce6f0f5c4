import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("What is remembered of a database does not outlive it", .timeLimit(.minutes(10)))
struct StaleDatabaseTests {
    /// What happens under a living process.
    enum Change: CaseIterable {
        case databaseMadeAnew, schemaMadeAnew, queueMadeAnew

        /// The queues are declared in another order than before, by somebody else.
        func happen(to bench: Bench, _ settings: QueueSettings = .init()) async throws {
            switch self {
            case .databaseMadeAnew:
                let names = try await bench.database.query("SELECT current_database()") { try $0[0, as: String.self] }
                try await TestDatabase.makeAnew(names[0], from: .queues)
                try await eventually("the pool has noticed") {
                    (try? await bench.database.execute("SELECT 1")) != nil
                }
            case .schemaMadeAnew:
                try await Self.untilNoVictim { try await bench.database.script("DROP SCHEMA mq CASCADE") }
                try await Migrator(.messageQueue).run(on: bench.database)
            case .queueMadeAnew:
                try await Self.untilNoVictim { try await bench.database.execute("DELETE FROM mq.queues") }
            }
            try await StaleDatabaseTests.declare(["more", "shoes", "others"], by: bench.another(), settings)
        }

        /// Those who work meanwhile lock in another order, and of a deadlock the server may choose either.
        private static func untilNoVictim(_ change: () async throws -> Void) async throws {
            try await eventually("the change is made") { () -> Bool in
                do { try await change() } catch let error as PostgresError where error.sqlState == "40P01" {
                    return false
                }
                return true
            }
        }
    }

    enum Verb: CaseIterable {
        case send, sendTogether, sendDelayed, sendOnce, publish, produce, produceMany

        func store(_ shoe: Shoe, by bench: Bench) async throws {
            let (broker, message) = (bench.broker, Outgoing(shoe, key: "key"))
            switch self {
            case .send: try await broker.send([message], to: bench.shoes, on: bench.database)
            case .sendTogether: try await broker.send([message], to: bench.shoes)
            case .sendDelayed:
                try await broker.send([Outgoing(shoe, delay: .seconds(3600))], to: bench.shoes, on: bench.database)
            case .sendOnce: try await broker.sendOnce([message], to: bench.shoes, by: { "\($0.payload.size)" })
            case .publish: try await broker.publish([message], to: StaleDatabaseTests.topic)
            case .produce: _ = try await broker.withProducer(of: bench.shoes) { try await $0.send(shoe, key: "key") }
            case .produceMany:
                try await broker.withProducer(of: bench.shoes) { try await $0.send([message, message.again]) }
            }
        }

        var isDelayed: Bool { self == .sendDelayed }
    }

    private static let topic = Topic<Shoe>("news")
    private static let everywhere: Statement = """
        SELECT q.name FROM (SELECT queue FROM mq.messages UNION ALL SELECT queue FROM mq.scheduled) AS m
        LEFT JOIN mq.queues q ON q.id = m.queue
        """

    private static func declare(_ names: [QueueName], by broker: Broker, _ settings: QueueSettings) async throws {
        for name in names { try await broker.declare(queue: name, settings) }
        try await broker.declare(topic: topic.name)
        try await broker.subscribe("shoes", to: topic.name)
    }

    private static func homes(_ bench: Bench) async throws -> Set<String?> {
        Set(try await bench.database.query(everywhere) { try $0[0, as: String?.self] })
    }

    @Test(
        "a message goes to the queue of its name, whatever was made anew meanwhile",
        arguments: Change.allCases, [Route.direct, .pooler])
    func send(change: Change, route: Route) async throws {
        for verb in Verb.allCases {
            try await Bench.with(through: route) { bench in
                try await Self.declare(["others", "shoes", "more"], by: bench.broker, .init())
                try await verb.store(Shoe(size: 1), by: bench)
                try await change.happen(to: bench)
                try await verb.store(Shoe(size: 2), by: bench)
                #expect(try await Self.homes(bench) == ["shoes"], "\(verb)")
                #expect(try await bench.audit() == [], "\(verb)")
            }
        }
    }

    @Test(
        "a message to a queue with priorities, or one that keeps order, goes to the queue of its name, whatever was made anew",
        arguments: Change.allCases)
    func sendSorted(change: Change) async throws {
        for settings in [QueueSettings(priorities: .three), QueueSettings(order: .skipOnFailure)] {
            for verb in Verb.allCases where !verb.isDelayed {
                try await Bench.with(settings) { bench in
                    try await Self.declare(["others", "shoes", "more"], by: bench.broker, settings)
                    try await verb.store(Shoe(size: 1), by: bench)
                    try await change.happen(to: bench, settings)
                    try await verb.store(Shoe(size: 2), by: bench)
                    #expect(try await Self.homes(bench) == ["shoes"], "\(verb)")
                }
            }
        }
    }

    @Test("a message to a queue that is not declared any more is an error, and is nowhere", arguments: Verb.allCases)
    func gone(verb: Verb) async throws {
        try await Bench.with { bench in
            try await Self.declare(["shoes"], by: bench.broker, .init())
            try await verb.store(Shoe(size: 1), by: bench)
            try await bench.database.execute("DELETE FROM mq.queues")
            if verb == .publish {
                // Nobody hears it.
                try await verb.store(Shoe(size: 2), by: bench)
            } else {
                await #expect(throws: QueueError.unknownQueue("shoes")) {
                    try await verb.store(Shoe(size: 2), by: bench)
                }
            }
            #expect(try await Self.homes(bench) == [])
        }
    }

    @Test("a transaction that sends by what was outdated is refused whole, and goes well when it is run again")
    func transaction() async throws {
        try await Bench.with { bench in
            // Whatever the machine is busy with, it goes by what it has known.
            let broker = Bench.trusting(bench.database)
            try await Self.declare(["shoes"], by: broker, .init())
            try await bench.createEffects()
            try await broker.send([Outgoing(Shoe(size: 1))], to: bench.shoes)
            try await Change.queueMadeAnew.happen(to: bench)
            func order() async throws {
                try await bench.database.write { session in
                    try session.execute("INSERT INTO effect VALUES (1)")
                    try broker.send([Outgoing(Shoe(size: 2))], to: bench.shoes, in: session)
                }
            }
            let error = await #expect(throws: PostgresError.self) { try await order() }
            #expect(error?.isRetryable == true)
            #expect(try await bench.number("SELECT count(*) FROM effect") == 0)
            try await order()
            #expect(try await Self.homes(bench) == ["shoes"])
        }
    }

    @Test(
        "a producer goes on in the log that is there, with a lane of its own",
        arguments: [Change.schemaMadeAnew, .queueMadeAnew])
    func producer(change: Change) async throws {
        try await Bench.with { bench in
            try await Self.declare(["shoes"], by: bench.broker, .init())
            try await bench.broker.withProducer(of: bench.shoes) { producer in
                for size in 0..<5 { try await producer.send(Shoe(size: size)) }
                // Whoever deletes a queue waits for those that write to it.
                guard change == .schemaMadeAnew else { return }
                try await change.happen(to: bench)
                for size in 5..<10 { try await producer.send(Shoe(size: size)) }
            }
            if change == .queueMadeAnew {
                try await change.happen(to: bench)
                try await bench.broker.withProducer(of: bench.shoes) { producer in
                    for size in 5..<10 { try await producer.send(Shoe(size: size)) }
                }
            }
            #expect(try await Self.homes(bench) == ["shoes"])
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 5)
            #expect(try await bench.number("SELECT count(DISTINCT lane) FROM mq.messages") == 1)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "a worker goes on with the queue of its name, and finishes nothing that it held before",
        arguments: Change.allCases, [Route.direct, .pooler])
    func worker(change: Change, route: Route) async throws {
        try await Bench.with(connections: 12, through: route) { bench in
            try await Self.declare(["others", "shoes", "more"], by: bench.broker, .init())
            try await bench.createEffects()
            try await bench.send(5)
            try await bench.work([Lace()], WorkerOptions(poll: .milliseconds(200))) { log in
                try await log.done(5)
                try await change.happen(to: bench)
                if change == .databaseMadeAnew { try await bench.createEffects() }
                try await bench.another().send((100..<105).map { Outgoing(Shoe(size: $0)) }, to: bench.shoes)
                try await log.done(10)
            }
            #expect(try await bench.number("SELECT count(*) FROM effect WHERE size >= 100") == 5)
            #expect(try await bench.number("SELECT count(*) FROM mq.dead_letters") == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "what a receiver remembers of a queue's log is forgotten once the queue of this name is another one",
        arguments: Change.allCases)
    func memory(change: Change) async throws {
        try await Bench.with { bench in
            let before = try await bench.entry()
            let memory = ClaimMemory()
            memory.turn(to: before)
            memory.note(OpenPlaces(runs: [], cursors: [7]), of: before)
            #expect(memory.watermarks(of: before) == [7] && memory.openPlaces(of: before).cursors == [7])
            try await change.happen(to: bench)
            let after = try await bench.entry()
            #expect(memory.watermarks(of: after) == [] && memory.openPlaces(of: after) == OpenPlaces())
            // What was read before the change may be told after it.
            memory.note(OpenPlaces(runs: [], cursors: [9]), of: before)
            #expect(memory.watermarks(of: after) == [])
        }
    }

    @Test(
        "a receipt is good for the database that it is from, and refused by any other",
        arguments: [Change.databaseMadeAnew, .schemaMadeAnew])
    func receipt(change: Change) async throws {
        try await Bench.with { bench in
            try await bench.send(4)
            let held = try await bench.broker.receive("shoes", limit: 4, lease: .seconds(3600))
            try await change.happen(to: bench)
            // The schema that is there has the same queue, with other messages at the same places.
            try await bench.database.execute("DELETE FROM mq.queues")
            try await bench.database.execute("INSERT INTO mq.queues (id, name) VALUES ($1, 'shoes')", bench.queue)
            let other = try await Bench(on: bench.database)
            try await other.send(4)
            #expect(try await other.broker.receive("shoes", limit: 4, lease: .seconds(3600)).count == 4)

            await #expect(throws: QueueError.self) { try await bench.broker.complete(held) }
            await #expect(throws: QueueError.self) { try await bench.broker.release(held) }
            await #expect(throws: QueueError.self) {
                try await bench.broker.retry(held.map { .init($0, after: .zero, error: "") })
            }
            await #expect(throws: QueueError.self) {
                try await bench.broker.deadLetter(held.map { .init($0, reason: "", error: nil) })
            }
            await #expect(throws: QueueError.self) { try await bench.broker.extend(held, to: .seconds(1)) }
            #expect(try await bench.number("SELECT count(*) FROM mq.completions") == 0)
            #expect(try await bench.number("SELECT count(*) FROM mq.scheduled") == 0)
            #expect(try await bench.statistics().inFlight == 4)
        }
    }
}

extension Outgoing {
    /// Another message that says the same.
    fileprivate var again: Outgoing { Outgoing(payload, key: key) }
}
