import Postgres
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
}
