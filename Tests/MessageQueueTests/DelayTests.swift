import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A queue with a delay lets what is sent to it wait, unless the message says otherwise")
struct DelayTests {
    private let delay = QueueSettings(delay: .seconds(3600))

    /// How many wait for about so many seconds.
    private func waiting(_ bench: Bench, about seconds: Double) async throws -> Int {
        try await bench.number(
            Statement(
                """
                SELECT count(*) FROM mq.scheduled
                WHERE due_at BETWEEN sent_at + interval '\(seconds - 1) s' AND sent_at + interval '\(seconds + 1) s'
                """))
    }

    @Test("whichever way it is sent a message without a delay waits as long as its queue says")
    func everyWay() async throws {
        try await Bench.with(delay) { bench in
            let broker = bench.broker
            try await bench.send(2)
            try await broker.sendOnce([Outgoing(Shoe(size: 3))], to: bench.shoes)
            try await broker.withProducer(of: bench.shoes) { try await $0.send([Outgoing(Shoe(size: 4))]) }
            try await broker.send(Draft(body: Array("{\"size\":5}".utf8)), to: "shoes")
            try await broker.declare(topic: "news")
            try await broker.declare(queue: "boots")
            for queue in ["shoes", "boots"] as [QueueName] { try await broker.subscribe(queue, to: "news") }
            try await broker.publish([Outgoing(Shoe(size: 6)), Outgoing(Shoe(size: 7))], to: Topic<Shoe>("news"))
            #expect(try await waiting(bench, about: 3600) == 7)
            #expect(try await bench.statistics().scheduled == 7)
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 2, "to the queue without a delay")
            #expect(try await broker.receive("shoes", limit: 10, lease: .seconds(60)).isEmpty)
            try await bench.promoteAll()
            #expect(try await broker.receive("shoes", limit: 10, lease: .seconds(60)).count == 7)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a queue tells since when something of it is due that nobody has moved into the log")
    func overdue() async throws {
        try await Bench.with(delay) { bench in
            #expect(try await bench.statistics().overdue == nil)
            try await bench.send(2)
            #expect(try await bench.statistics().overdue == nil)
            try await bench.database.execute(
                """
                UPDATE mq.scheduled SET due_at = now() - interval '1 minute'
                WHERE ticket = (SELECT min(ticket) FROM mq.scheduled)
                """)
            #expect(try #require(try await bench.statistics().overdue) >= 60)
            try await bench.promoteAll()
            #expect(try await bench.statistics().overdue == nil)
        }
    }

    @Test("a message's own delay counts instead, also that of nothing, and a producer with a lane goes by it")
    func own() async throws {
        try await Bench.with(delay) { bench in
            let broker = bench.broker
            try await broker.send([Outgoing(Shoe(size: 1), delay: .zero)], to: bench.shoes)
            try await broker.send([Outgoing(Shoe(size: 2), delay: .seconds(60))], to: bench.shoes)
            try await broker.withProducer(of: bench.shoes) { producer in
                try await producer.send([Outgoing(Shoe(size: 3), delay: .zero)])
                try await producer.send([Outgoing(Shoe(size: 4))])
                try await producer.send([Outgoing(Shoe(size: 5), delay: .zero), Outgoing(Shoe(size: 6))])
            }
            #expect(try await waiting(bench, about: 60) == 1)
            #expect(try await waiting(bench, about: 3600) == 2)
            let held = try await broker.receive("shoes", limit: 10, lease: .seconds(60))
            #expect(Set(try held.map { try $0.decoded(as: Shoe.self).payload.size }) == [1, 3, 5])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a changed delay holds at once for who publishes, and for who changed it, and soon for every sender")
    func changed() async throws {
        try await Bench.with { bench in
            let (broker, other) = (bench.broker, bench.another())
            try await broker.declare(topic: "news")
            try await broker.subscribe("shoes", to: "news")
            try await other.send([Outgoing(Shoe(size: 1))], to: bench.shoes)
            try await broker.change(queue: "shoes") { $0.settings.delay = .seconds(60) }
            #expect(try await broker.queue("shoes").settings.delay == .seconds(60))
            try await broker.send([Outgoing(Shoe(size: 2))], to: bench.shoes)
            try await other.publish([Outgoing(Shoe(size: 3))], to: Topic<Shoe>("news"))
            #expect(try await waiting(bench, about: 60) == 2)
            try await eventually("the other process has read the queue anew") {
                try await other.send([Outgoing(Shoe(size: 4))], to: bench.shoes)
                return try await waiting(bench, about: 60) > 2
            }
            try await broker.declare(queue: "shoes")
            try await broker.send([Outgoing(Shoe(size: 5))], to: bench.shoes)
            #expect(try await waiting(bench, about: 60) == 3)
        }
    }

    @Test("a delay of less than nothing, of more than 366 days, or in a queue that keeps order is refused")
    func nonsense() async throws {
        try await Bench.with { bench in
            for settings in [
                QueueSettings(delay: .seconds(-1)), QueueSettings(delay: .seconds(400 * 86_400)),
                QueueSettings(order: .skipOnFailure, delay: .seconds(1)),
            ] {
                await #expect(throws: QueueError.self) { try await bench.broker.declare(queue: "boots", settings) }
            }
            try await bench.broker.declare(queue: "ledger", QueueSettings(order: .skipOnFailure))
            await #expect(throws: QueueError.self) {
                try await bench.broker.change(queue: "ledger") { $0.settings.delay = .seconds(1) }
            }
        }
    }
}
