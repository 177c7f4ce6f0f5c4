import Foundation
import Postgres
import Testing

@testable import MessageQueue

@Suite("What an operator is told")
struct DescribeTests {
    @Test("topics are told with who hears them by which tags, also those that nobody hears")
    func topics() async throws {
        try await Bench.with { bench in
            for topic in ["placed", "unheard"] as [TopicName] { try await bench.broker.declare(topic: topic) }
            try await bench.broker.declare(queue: "boots")
            try await bench.broker.subscribe("shoes", to: "placed")
            try await bench.broker.subscribe("boots", to: "placed", tags: ["winter"])
            let told = try await bench.broker.topics().map { "\($0.topic) \($0.queue?.text ?? "-") \($0.tags ?? [])" }
            #expect(told == ["placed boots [\"winter\"]", "placed shoes []", "unheard - []"])
            await #expect(throws: QueueError.unknownTopic("nowhere")) {
                try await bench.broker.subscribe("shoes", to: "nowhere")
            }
        }
    }

    @Test("a subscription that ends takes nothing away that was published before")
    func unsubscribe() async throws {
        try await Bench.with { bench in
            try await bench.broker.declare(topic: "placed")
            try await bench.broker.subscribe("shoes", to: "placed")
            try await bench.broker.publish([Outgoing(Shoe(size: 1))], to: Topic("placed"))
            #expect(try await bench.broker.unsubscribe("shoes", from: "placed"))
            try await bench.broker.publish([Outgoing(Shoe(size: 2))], to: Topic("placed"))
            #expect(try await bench.receive().map { try $0.decoded(as: Shoe.self).payload.size } == [1])
        }
    }

    @Test("consumers are told while they are thought to live, with how long they have been silent")
    func consumers() async throws {
        try await Bench.with { bench in
            try await bench.database.execute("UPDATE mq.consumers SET heartbeat_at = now() - interval '1 minute'")
            let told = try await bench.broker.consumers()
            #expect(told.map(\.id) == [bench.consumer] && told[0].name == "test" && told[0].pid == 1)
            #expect(told[0].silence >= 60)
            try await bench.database.execute(Broker.endConsumers, [bench.consumer])
            #expect(try await bench.broker.consumers().isEmpty)
        }
    }

    @Test("a trace is found by message id and by key, and tells where a message stands")
    func trace() async throws {
        try await Bench.with { bench in
            let later = Outgoing(Shoe(size: 1), key: "a", delay: .seconds(3600))
            let message = Outgoing(Shoe(size: 2), key: "a", tag: "t")
            try await bench.broker.send([later, message], to: bench.shoes)
            #expect(try await bench.broker.trace("\(later.id)").map(\.outcome) == [.scheduled])
            let known = try await bench.broker.trace("a").map(\.message)
            #expect(Set(known) == [later.id, message.id])
            let waiting = try #require(try await bench.broker.trace("\(message.id)").first)
            #expect(
                waiting.outcome == .waiting && waiting.queue == "shoes" && waiting.tag == "t" && waiting.attempt == 1)
            let held = try await bench.receive()
            #expect(try await bench.broker.trace("\(message.id)").map(\.outcome) == [.inFlight])
            try await bench.broker.complete(held)
            let done = try #require(try await bench.broker.trace("\(message.id)").first)
            #expect(done.outcome == .done && done.claimedAt != nil && done.finishedAt != nil && done.error == nil)
            #expect(try await bench.broker.trace("unheard of").isEmpty)
        }
    }

    @Test("whoever flushes has rung for what it sent, in other processes as well")
    func flush() async throws {
        try await Bench.with { bench in
            let other = try await Connection.open(bench.database.conninfo)
            try await other.listen(to: [Doorbell.channel(of: bench.queue)])
            try await bench.broker.send(Shoe(size: 1), to: bench.shoes)
            await bench.broker.flush()
            var events = other.events.makeAsyncIterator()
            #expect(await events.next() == .notification(Doorbell.channel(of: bench.queue)))
            await other.close()
        }
    }
}
