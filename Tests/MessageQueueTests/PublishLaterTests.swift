import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("What is published for later")
struct PublishLaterTests {
    private let news = Topic<Shoe>("news")

    /// A topic that hear: a plain queue, one that filters, one with priorities, and one that keeps order.
    private func setUp(_ bench: Bench) async throws {
        try await bench.broker.declare(topic: "news")
        let queues: [(QueueName, QueueSettings, [String]?)] = [
            ("all", .init(delay: .seconds(5)), nil), ("red", .init(), ["red"]),
            ("urgent", .init(lanes: 2, priorities: .sixteen), nil),
            ("ledger", .init(lanes: 3, order: .skipOnFailure), nil),
        ]
        for (queue, settings, tags) in queues {
            try await bench.broker.declare(queue: queue, settings)
            try await bench.broker.subscribe(queue, to: "news", tags: tags)
        }
    }

    /// What waits in a queue once all that is scheduled there is due.
    private func arrived(in queue: QueueName, _ bench: Bench) async throws -> [Message] {
        try await bench.database.execute("UPDATE mq.scheduled SET due_at = now() - interval '1 second'")
        while try await bench.broker.promote(bench.entry(queue), on: bench.database).moved > 0 {}
        return try await bench.broker.peek(queue, limit: 10).map(\.message)
    }

    @Test("a message that is published for later waits with whoever hears it now, by their filters, and comes whole")
    func later() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            let messages = ["red", "blue"].map {
                Outgoing(Shoe(size: 2), key: "k", tag: $0, headers: ["a": "b"], priority: .low)
            }
            try await bench.broker.publish(messages, to: news, after: .seconds(600))
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 0)
            #expect(try await bench.number(Self.late) == 7, "its delay counts, and not the queue's")
            // Who comes now does not hear it, and who goes now does.
            try await bench.broker.subscribe("shoes", to: "news")
            try await bench.broker.unsubscribe("all", from: "news")
            for queue in ["all", "urgent", "ledger"] as [QueueName] {
                #expect(try await Set(arrived(in: queue, bench).map(\.id)) == Set(messages.map(\.id)), "\(queue)")
            }
            #expect(try await arrived(in: "red", bench).map(\.id) == [messages[0].id])
            #expect(try await arrived(in: "shoes", bench).isEmpty)
            let whole = try await arrived(in: "all", bench)
            #expect(whole.allSatisfy { $0.topic == "news" && $0.key == "k" && $0.headers == ["a": "b"] })
            #expect(try await bench.broker.peek("urgent", limit: 10).allSatisfy { $0.priority == .low })
            #expect(try await bench.audit() == [])
        }
    }

    @Test("where order is kept a message published for later has no key, and neither waits nor is waited for")
    func order() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            let late = Outgoing(Shoe(size: 1), key: "k")
            try await bench.broker.publish([late], to: news, after: .seconds(600))
            try await bench.broker.publish([Outgoing(Shoe(size: 2), key: "k")], to: news)
            let held = try await bench.receive(queue: "ledger")
            #expect(try held.sizes() == [2])
            // The key is blocked.
            try await bench.broker.retry(held.map { .init($0, after: .seconds(600), error: "tight") })
            #expect(try await arrived(in: "ledger", bench).map(\.id) == [late.id])
            let found = try await bench.receive(queue: "ledger")
            #expect(found.map(\.message.id) == [late.id] && found.allSatisfy { $0.message.key == nil })
            try await bench.broker.complete(found)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("each subscription of a queue has its own copy of a message for later, with its format and an id of its own")
    func copies() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            let again = Subscription("again", of: "news", to: .queue("all"), format: "XML")
            #expect(try await bench.broker.create(subscription: again))
            let message = Outgoing(Shoe(size: 1))
            try await bench.broker.publish([message], to: news, after: .seconds(600))
            let copies = try await arrived(in: "all", bench)
            #expect(copies.count == 2 && Set(copies.map(\.id)).count == 2)
            #expect(copies.map(\.publishedID) == [message.id, message.id])
            #expect(copies.compactMap { $0.subscription?.format } == ["XML"])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("nobody hears a message for later whose transaction rolls back, or whose queue is deleted in that moment")
    func undone() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            struct Stop: Error {}
            let message = Outgoing(Shoe(size: 1))
            await #expect(throws: Stop.self) {
                try await bench.database.write { session in
                    try bench.broker.publish([message], to: news, after: .seconds(600), in: session)
                    throw Stop()
                }
            }
            #expect(try await bench.number("SELECT count(*) FROM mq.scheduled") == 0)
            let deleter = try await bench.database.dedicatedConnection(named: "deleter")
            try await deleter.script("BEGIN; DELETE FROM mq.queues WHERE name = 'all'")
            async let published: Void = bench.broker.publish([message], to: news, after: .seconds(600))
            try await eventually("the publisher waits for the deletion") { try await bench.number(Self.waiting) > 0 }
            try await deleter.script("COMMIT")
            await deleter.close()
            try await published
            #expect(try await bench.number("SELECT count(*) FROM mq.scheduled") == 2)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a message for later that is published again under the same name is stored once, and its id told again")
    func once() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            func publish(_ fingerprint: String) async throws -> SentOnce {
                try await bench.broker.publishOnce(
                    [Outgoing(Shoe(size: 1))], to: news, after: .seconds(600), under: "n", fingerprint: fingerprint)
            }
            guard case .stored(let ids) = try await publish("f") else { throw NeverHappened(description: "not stored") }
            #expect(try await publish("f") == .repeated(ids))
            #expect(try await publish("g") == .refused)
            #expect(try await bench.number("SELECT count(*) FROM mq.scheduled") == 3)
            #expect(try await bench.number(Self.late) == 3)
        }
    }

    /// By no delay of a queue.
    private static let late: Statement =
        "SELECT count(*) FROM mq.scheduled WHERE due_at > now() + interval '500 seconds'"
    private static let waiting: Statement = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        """

    @Test("a message for later is refused by a topic that is not there, beyond a year, and with a delay of its own")
    func refused() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            let message = Outgoing(Shoe(size: 1))
            await #expect(throws: QueueError.unknownTopic("unheard-of")) {
                try await bench.broker.publish([message], to: Topic<Shoe>("unheard-of"), after: .seconds(1))
            }
            await #expect(throws: QueueError.self) {
                try await bench.broker.publish([message], to: news, after: .seconds(400 * 86_400))
            }
            let own = Outgoing(Shoe(size: 1), delay: .seconds(1))
            await #expect(throws: QueueError.delayRefused(own.id, queue: nil)) {
                try await bench.broker.publish([own], to: news, after: .seconds(1))
            }
            #expect(try await bench.number("SELECT count(*) FROM mq.scheduled") == 0)
        }
    }
}
