import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Every matching subscription hears everything once")
struct TopicTests {
    private let processed = Topic<Shoe>("processed")

    private func setUp(_ bench: Bench) async throws {
        try await bench.broker.declare(topic: "processed")
        for name in ["all", "red", "blue"] { try await bench.broker.declare(queue: QueueName(name)) }
        try await bench.broker.subscribe("all", to: "processed")
        try await bench.broker.subscribe("red", to: "processed", tags: ["red"])
        try await bench.broker.subscribe("blue", to: "processed", tags: ["blue", "navy"])
    }

    @Test("who hears a topic is told by the tag of what is published: whoever gets it, and nobody else")
    func hearers() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            try await bench.broker.declare(topic: "unheard")
            let told: [(String?, [String])] = [(nil, ["all"]), ("red", ["all", "red"]), ("navy", ["all", "blue"])]
            for (tag, queues) in told {
                let hearers = try await bench.broker.hearers(of: "processed", tag: tag)
                #expect(hearers == queues.map { QueueName($0) })
                let shoe = Outgoing(Shoe(size: 1), tag: tag)
                try await bench.broker.publish([shoe], to: processed)
                for queue in ["all", "red", "blue"] {
                    #expect(try await heard(bench, by: queue).contains(shoe.id) == queues.contains(queue), "\(queue)")
                }
            }
            #expect(try await bench.broker.hearers(of: "unheard", tag: "red").isEmpty)
            await #expect(throws: QueueError.unknownTopic("nowhere")) {
                try await bench.broker.hearers(of: "nowhere", tag: nil)
            }
        }
    }

    private func heard(_ bench: Bench, by queue: String) async throws -> [MessageID] {
        try await bench.database.query(
            """
            SELECT m.id FROM mq.messages m JOIN mq.queues q ON q.id = m.queue WHERE q.name = $1 ORDER BY \
            m.lane, m.seq
            """,
            queue
        ) { MessageID(try $0[0]) }
    }

    @Test("a subscription hears messages by its tags, in order, with the same id everywhere")
    func tags() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            let messages = ["red", "blue", "navy", nil, "green"].map { Outgoing(Shoe(size: 1), tag: $0) }
            try await bench.broker.publish(messages, to: processed)
            #expect(try await heard(bench, by: "all") == messages.map(\.id))
            #expect(try await heard(bench, by: "red") == [messages[0].id])
            #expect(try await heard(bench, by: "blue") == [messages[1].id, messages[2].id])
            #expect(try await heard(bench, by: "shoes") == [])
        }
    }

    @Test("of many publishers at once each subscription hears every message exactly once")
    func together() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<60 {
                    group.addTask {
                        try await bench.broker.publish(
                            (0..<3).map { Outgoing(Shoe(size: $0), tag: "red") }, to: processed)
                    }
                }
                try await group.waitForAll()
            }
            let counts = try await bench.database.query(
                """
                SELECT q.name, count(*), count(DISTINCT e.id) FROM (
                    SELECT queue, id FROM mq.messages UNION ALL SELECT queue, id FROM mq.scheduled) AS e
                JOIN mq.queues q ON q.id = e.queue GROUP BY q.name ORDER BY q.name
                """
            ) { row in "\(try row[0, as: String.self]) \(try row[1, as: Int.self]) \(try row[2, as: Int.self])" }
            #expect(counts == ["all 180 180", "red 180 180"])
        }
    }

    @Test("nobody hears what was rolled back, or what nobody subscribed to")
    func rollback() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            struct Stop: Error {}
            await #expect(throws: Stop.self) {
                try await bench.database.write { session in
                    try bench.broker.publish([Outgoing(Shoe(size: 1))], to: processed, in: session)
                    try session.execute("SELECT 1")
                    throw Stop()
                }
            }
            #expect(try await bench.broker.unsubscribe("all", from: "processed"))
            #expect(try await bench.broker.unsubscribe("all", from: "processed") == false, "there is none any more")
            try await bench.broker.publish([Outgoing(Shoe(size: 1), tag: "green")], to: processed)
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 0)
            await #expect(throws: QueueError.self) {
                try await bench.broker.publish([Outgoing(Shoe(size: 1))], to: Topic("unheard-of"))
            }
            let later = Outgoing(Shoe(size: 1), delay: .seconds(1))
            await #expect(throws: QueueError.delayRefused(later.id, queue: nil)) {
                try await bench.broker.publish([later], to: processed)
            }
        }
    }

    @Test("a message to a topic that another process has deleted is refused, and one that was only left by all is not")
    func deletedElsewhere() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            // It goes by what it has known until it is refused.
            let publisher = Bench.trusting(bench.database)
            try await publisher.publish([Outgoing(Shoe(size: 1))], to: processed)
            let other = bench.another()
            for name in ["all", "red", "blue"] { try await other.unsubscribe(QueueName(name), from: "processed") }
            try await publisher.publish([Outgoing(Shoe(size: 2))], to: processed)
            #expect(try await other.delete(topic: "processed"))
            await #expect(throws: QueueError.unknownTopic("processed")) {
                try await publisher.publish([Outgoing(Shoe(size: 3))], to: processed)
            }
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 1)
            let error = await #expect(throws: PostgresError.self) {
                try await bench.database.execute(
                    """
                    SELECT mq.publish('processed', ARRAY[gen_random_uuid()], '{NULL}', '{NULL}', '{NULL}', ARRAY[''::bytea], '{8}')
                    """)
            }
            #expect(error?.isRetryable == true)
        }
    }

    @Test("subscribing again replaces the tags, and the next message is routed by them")
    func resubscribe() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            try await bench.broker.subscribe("red", to: "processed", tags: ["green"])
            let messages = [Outgoing(Shoe(size: 1), tag: "red"), Outgoing(Shoe(size: 2), tag: "green")]
            try await bench.broker.publish(messages, to: processed)
            #expect(try await heard(bench, by: "red") == [messages[1].id])
        }
    }

    /// Queues that keep order or have priorities beside the others.
    private func setUpSorted(_ bench: Bench) async throws {
        try await setUp(bench)
        try await bench.broker.declare(queue: "ledger", QueueSettings(lanes: 3, order: .skipOnFailure))
        try await bench.broker.declare(queue: "urgent", QueueSettings(lanes: 2, priorities: .three))
        for name in ["ledger", "urgent"] { try await bench.broker.subscribe(QueueName(name), to: "processed") }
    }

    @Test(
        "publishers to queues of every kind at once wait for each other in one direction only, and leave no place out")
    func everyKind() async throws {
        try await Bench.with { bench in
            try await setUpSorted(bench)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        let messages = (0..<5).map {
                            Outgoing(
                                Shoe(size: $0), key: "key-\((number + $0) % 7)", tag: $0 % 2 == 0 ? "red" : "blue",
                                priority: [.high, .normal, .low][$0 % 3])
                        }
                        try await bench.broker.publish(messages, to: processed)
                    }
                }
                try await group.waitForAll()
            }
            try await bench.promoteAll(of: ["all", "red", "blue", "urgent"])
            let counts = try await bench.database.query(
                "SELECT q.name, count(DISTINCT m.id) FROM mq.messages m JOIN mq.queues q ON q.id = m.queue GROUP BY 1 ORDER BY 1"
            ) { row in "\(try row[0, as: String.self]) \(try row[1, as: Int.self])" }
            #expect(counts == ["all 200", "blue 80", "ledger 200", "red 120", "urgent 200"])
            #expect(try await bench.number(Self.misplaced) == 0)
            #expect(try await bench.audit() == [])
        }
    }

    /// Messages whose lane is not theirs.
    private static let misplaced: Statement = """
        SELECT count(*) FROM mq.messages m JOIN mq.queues q ON q.id = m.queue
        WHERE q.name = 'ledger' AND m.lane <> mq.shard(m.key, q.lanes)
           OR q.name = 'urgent' AND m.lane / q.lanes <> (convert_from(m.body, 'UTF8')::jsonb ->> 'size')::int % 3
        """

    @Test("where every lane of a queue is held its copy is put aside and comes later, and the others are not")
    func heldLanes() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            let holder = try await bench.database.dedicatedConnection(named: "holder")
            try await holder.script(
                """
                SELECT pg_advisory_lock(mq.lock_class() + q.id, lane) FROM mq.queues q, generate_series(0, 7) AS lane
                WHERE q.name = 'red'
                """)
            let messages = (0..<3).map { Outgoing(Shoe(size: $0), tag: "red") }
            try await bench.broker.publish(messages, to: processed)
            #expect(try await heard(bench, by: "all") == messages.map(\.id))
            #expect(try await heard(bench, by: "red") == [])
            await holder.close()
            try await eventually("the lanes are free") {
                try await bench.broker.promote(bench.entry("red"), on: bench.database).moved == 3
            }
            #expect(try await Set(heard(bench, by: "red")) == Set(messages.map(\.id)))
        }
    }

    @Test("in a transaction that sees an old snapshot copies are put aside, and refused where order is kept")
    func oldSnapshot() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            let message = Outgoing(Shoe(size: 1), key: "a", tag: "red")
            func publish() async throws {
                try await bench.database.write { session in
                    try session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    try bench.broker.publish([message], to: processed, in: session)
                }
            }
            try await publish()
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 0)
            try await bench.promoteAll(of: ["all", "red"])
            #expect(try await heard(bench, by: "all") == [message.id])
            #expect(try await heard(bench, by: "red") == [message.id])
            try await bench.broker.declare(queue: "ledger", QueueSettings(order: .skipOnFailure))
            try await bench.broker.subscribe("ledger", to: "processed")
            await #expect(throws: PostgresError.self) { try await publish() }
        }
    }

    @Test("a queue that is deleted while somebody publishes to it takes nothing along, and holds up no one")
    func deleted() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            let message = Outgoing(Shoe(size: 1), tag: "red")
            let deleter = try await bench.database.dedicatedConnection(named: "deleter")
            try await deleter.script("BEGIN; DELETE FROM mq.queues WHERE name = 'red'")
            async let published: Void = bench.broker.publish([message], to: processed)
            try await eventually("the publisher waits for the deletion") {
                try await bench.number(Self.waiting) > 0
            }
            try await deleter.script("COMMIT")
            await deleter.close()
            try await published
            #expect(try await heard(bench, by: "all") == [message.id])
            #expect(try await bench.audit() == [])
        }
    }
}

extension TopicTests {
    private static let waiting: Statement = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        """
}

extension Bench {
    /// Moves what is scheduled in these queues into the log, due or not.
    fileprivate func promoteAll(of queues: [QueueName]) async throws {
        try await database.execute("UPDATE mq.scheduled SET due_at = now() - interval '1 second'")
        for queue in queues {
            while try await broker.promote(entry(queue), on: database).moved > 0 {}
        }
    }
}
