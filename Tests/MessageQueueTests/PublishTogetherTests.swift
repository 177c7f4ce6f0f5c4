import MessageQueue
import Postgres
import TestSupport
import Testing

@Suite("What many tasks publish at the same time shares a transaction", .timeLimit(.minutes(10)))
struct PublishTogetherTests {
    private let news = Topic<Shoe>("news")

    private func setUp(_ bench: Bench) async throws {
        try await bench.broker.declare(queue: "boots")
        for topic in ["news", "offers"] as [TopicName] {
            try await bench.broker.declare(topic: topic)
            try await bench.broker.subscribe("boots", to: topic)
        }
        try await bench.broker.subscribe("shoes", to: news.name)
    }

    private func publish(
        _ size: Int, to topic: TopicName, by bench: Bench
    ) -> @Sendable () async throws -> Void {
        { try await bench.broker.publish([Outgoing(Shoe(size: size))], to: Topic<Shoe>(topic)) }
    }

    private static let heard: Statement = """
        SELECT q.name || ' ' || count(*) || ' ' || count(DISTINCT m.body) FROM mq.messages m
        JOIN mq.queues q ON q.id = m.queue GROUP BY q.name ORDER BY 1
        """

    private static let waiting: Statement = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        """

    @Test("messages to several topics share a transaction, and each is heard once by every queue that hears its topic")
    func topics() async throws {
        try await Bench.with(connections: 1) { bench in
            try await setUp(bench)
            let calls = (0..<50).map { publish($0, to: $0 < 30 ? "news" : "offers", by: bench) }
            for outcome in try await bench.together(calls) { try outcome.get() }
            let heard = try await bench.database.query(Self.heard) { try $0[0, as: String.self] }
            #expect(heard == ["boots 50 50", "shoes 30 30"])
            #expect(try await bench.number("SELECT count(DISTINCT xmin::text) FROM mq.messages") < 5)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a topic that another process has deleted is its publisher's own error, and nobody else's of the group")
    func deletedTopic() async throws {
        try await Bench.with(connections: 1) { bench in
            try await setUp(bench)
            // Whatever the machine is busy with, it goes by what it has known.
            let publisher = Bench(bench, using: Bench.trusting(bench.database))
            for size in [0, 1] { try await publish(size, to: size == 0 ? "news" : "offers", by: publisher)() }
            let calls = (2..<22).map { publish($0, to: $0 == 9 ? "offers" : "news", by: publisher) }
            let tasks = try await bench.database.withConnection { connection in
                try await connection.write { try $0.execute("DELETE FROM mq.topics WHERE name = 'offers'") }
                return calls.map { call in Task.immediate { try await call() } }
            }
            for (number, task) in tasks.enumerated() where number != 7 { try await task.value }
            await #expect(throws: QueueError.unknownTopic("offers")) { try await tasks[7].value }
            let heard = try await bench.database.query(Self.heard) { try $0[0, as: String.self] }
            #expect(heard == ["boots 21 21", "shoes 20 20"])
        }
    }

    @Test("a message that is delayed is refused by itself, whoever publishes beside it")
    func delayed() async throws {
        try await Bench.with(connections: 1) { bench in
            try await setUp(bench)
            let later = Outgoing(Shoe(size: 7), delay: .seconds(1))
            var calls = (0..<10).map { publish($0, to: "news", by: bench) }
            calls.append { try await bench.broker.publish([later], to: Topic<Shoe>("news")) }
            let outcomes = try await bench.together(calls)
            #expect(throws: QueueError.delayRefused(later.id, queue: nil)) { try outcomes[10].get() }
            for outcome in outcomes.dropLast() { try outcome.get() }
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 20)
        }
    }

    @Test("publishers to a queue that keeps order, who wait for another sender, hold up nobody who publishes elsewhere")
    func order() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            try await bench.broker.declare(queue: "ledger", QueueSettings(order: .skipOnFailure))
            try await bench.broker.declare(topic: "bookings")
            try await bench.broker.subscribe("ledger", to: "bookings")
            let holder = try await bench.database.dedicatedConnection(named: "holder")
            try await holder.script(
                """
                SELECT pg_advisory_lock(mq.lock_class() + q.id, lane) FROM mq.queues q, generate_series(0, 7) AS lane
                WHERE q.name = 'ledger'
                """)
            let waiting = (0..<3).map { size in Task { try await publish(size, to: "bookings", by: bench)() } }
            try await eventually("they wait for the sender") {
                try await bench.number(Self.waiting) == 3
            }
            for size in 3..<6 { try await publish(size, to: "news", by: bench)() }
            await holder.close()
            for task in waiting { try await task.value }
            let heard = try await bench.database.query(Self.heard) { try $0[0, as: String.self] }
            #expect(heard == ["boots 3 3", "ledger 3 3", "shoes 3 3"])
        }
    }
}
