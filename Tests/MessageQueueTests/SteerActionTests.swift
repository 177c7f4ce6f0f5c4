import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A redrive is paused, resumed and stopped from anywhere")
struct SteerActionTests {
    private func kill(_ count: Int, _ bench: Bench) async throws {
        try await bench.send(count)
        try await bench.broker.deadLetter(try await bench.receive().map { .init($0, reason: "r", error: "timeout") })
    }

    @Test("a paused redrive moves nothing until it is resumed, and then all of the rest")
    func pauseAndResume() async throws {
        try await Bench.with { bench async throws in
            try await kill(12, bench)
            async let report = bench.broker.redrive(rate: 10)
            let action = try await eventually("it has begun") { try await bench.broker.operatorActions().first }
            let other = bench.another()
            #expect(try await other.pause(action: action.number))
            let paused = try await eventually("it waits") {
                try await other.operatorActions().first { $0.number == action.number && $0.standing == .paused }
            }
            #expect(paused.matched == 12)
            #expect(try await other.resume(action: action.number))
            let done = try await report
            #expect(done.moved == 12 && done.matched == 12)
            #expect(try await !other.pause(action: action.number), "it has ended")
            let verbs = try await other.operatorActions().map(\.verb)
            #expect(verbs == [.resumeAction, .pauseAction, .redrive])
        }
    }

    @Test("a stopped redrive leaves the rest where it is, and counts it")
    func stop() async throws {
        try await Bench.with { bench async throws in
            try await kill(5, bench)
            async let report = bench.broker.redrive(rate: 0.01)
            let action = try await eventually("it has begun") { try await bench.broker.operatorActions().first }
            #expect(try await bench.another().stop(action: action.number))
            let done = try await report
            #expect(done.moved == 1 && done.failed == 4 && done.matched == 5)
            #expect(try await bench.statistics().dead == 4)
            let told = try await bench.broker.operatorActions().first { $0.number == action.number }
            #expect(told?.standing == .ended && told?.messages == 1)
        }
    }

    @Test("a redrive that was begun too slowly goes on at the rate that it is given meanwhile")
    func rate() async throws {
        try await Bench.with { bench async throws in
            try await kill(6, bench)
            async let report = bench.broker.redrive(rate: 0.01)
            let action = try await eventually("it has begun") { try await bench.broker.operatorActions().first }
            #expect(action.rate == 0.01)
            let other = bench.another()
            await #expect(throws: QueueError.self) { try await other.limit(action: action.number, to: -1) }
            #expect(try await other.limit(action: action.number, to: 50))
            #expect(try await report.moved == 6, "else it would take ten minutes")
            #expect(try await !other.limit(action: action.number, to: nil), "it has ended")
            let told = try await other.operatorActions()
            #expect(told.map(\.verb) == [.limitAction, .redrive] && told[1].rate == 50)
        }
    }

    @Test("what became of each message that was sent back is told, page by page")
    func outcomes() async throws {
        try await Bench.with { bench async throws in
            try await kill(3, bench)
            _ = try await bench.broker.redrive()
            let action = try #require(try await bench.broker.operatorActions().first).number
            #expect(
                try await bench.broker.redriven(by: action).map(\.attempt?.outcome) == [.waiting, .waiting, .waiting])
            let held = try await bench.receive()
            try await bench.broker.complete([held[0]])
            try await bench.broker.deadLetter([.init(held[1], reason: "again", error: "still away")])
            let told = try await bench.broker.redriven(by: action)
            #expect(Set(told.map(\.attempt?.outcome)) == [.done, .dead, .inFlight])
            #expect(told.first { $0.message == held[1].message.id }?.attempt?.error == "still away")
            let page = try await bench.broker.redriven(by: action, after: told[1].ticket, limit: 5)
            #expect(page.map(\.ticket) == [told[2].ticket])
        }
    }

    @Test("a redrive whose process is gone is told as broken off")
    func brokenOff() async throws {
        try await Bench.with { bench async throws in
            try await kill(3, bench)
            let slow = Task { try await bench.broker.redrive(rate: 0.01) }
            _ = try await eventually("it has begun") { try await bench.broker.operatorActions().first }
            slow.cancel()
            _ = await slow.result
            try await bench.database.execute("UPDATE mq.operator_actions SET beat_at = now() - interval '31 seconds'")
            #expect(try await bench.broker.operatorActions().map(\.standing) == [.brokenOff])
        }
    }
}

@Suite("What a person sends by hand")
struct DraftTests {
    @Test("a draft is delivered like any other message, names its parent, and is recorded")
    func send() async throws {
        try await Bench.with { bench async throws in
            let parent = MessageID()
            let draft = Draft(body: Array(#"{"size": 42}"#.utf8), key: "k", headers: ["a": "b"], parent: parent)
            try await Operator("ada", via: "desk").act { try await bench.broker.send(draft, to: "shoes") }
            let received = try #require(try await bench.receive().first)
            #expect(try received.decoded(as: Shoe.self).payload.size == 42)
            #expect(received.message.headers == ["a": "b", Draft.parentHeader: "\(parent)"])
            let action = try #require(try await bench.broker.operatorActions().first)
            #expect(action.verb == .send && action.detail["parent"] == "\(parent)" && action.queue == "shoes")
        }
    }

    @Test("what is no JSON is refused, and nothing is sent or recorded")
    func refused() async throws {
        try await Bench.with { bench async throws in
            for body in ["", "{", "{\"a\": 1} x", "{'a': 1}", #"{"id":1,"id":2}"#, "[1,]"] {
                await #expect(throws: QueueError.self, "\(body)") {
                    try await bench.broker.send(Draft(body: Array(body.utf8)), to: "shoes")
                }
            }
            await #expect(throws: QueueError.unknownQueue("lost")) {
                try await bench.broker.send(Draft(body: Array("1".utf8)), to: "lost")
            }
            await #expect(throws: QueueError.unknownTopic("lost")) {
                try await bench.broker.publish(Draft(body: Array("1".utf8)), to: "lost")
            }
            #expect(try await bench.broker.operatorActions().isEmpty)
            #expect(try await bench.statistics().depth == 0)
        }
    }

    @Test("a raw draft is delivered byte by byte, JSON or not, and a copy of what is no JSON is raw")
    func raw() async throws {
        try await Bench.with { bench async throws in
            for body in ["no JSON", "\"hello\"", "", "[1"] {
                let draft = Draft(body: Array(body.utf8), isRaw: true)
                try draft.check()
                try await bench.broker.send(draft, to: "shoes")
                let received = try #require(try await bench.receive().first)
                #expect(received.message.body == Array(body.utf8), "\(body)")
                #expect(Draft(changing: received.message).isRaw == (body != "\"hello\""), "\(body)")
                try await bench.broker.complete([received])
            }
            #expect(throws: QueueError.self) { try Draft(body: Array("no JSON".utf8)).check() }
            let long = [UInt8](repeating: 0x61, count: MessageLimits.bodyBytes + 1)
            #expect(throws: QueueError.self) { try Draft(body: long, isRaw: true).check() }
        }
    }

    @Test("a message's record tells its priority wherever it stands, as far as its queue tells them apart")
    func priority() async throws {
        try await Bench.with { bench async throws in
            let told: [(PriorityLevels, Int, Int)] = [
                (.sixteen, 5, 5), (.three, 2, 1), (.three, 16, 16), (.none, 3, 8),
            ]
            var dead: [MessageID: Int] = [:]
            for (levels, sent, expected) in told {
                let queue = Queue<Shoe>(QueueName("of-\(levels.rawValue)"))
                try await bench.broker.declare(queue: queue.name, QueueSettings(priorities: levels))
                for delay in [Duration.zero, .seconds(60)] {
                    let shoe = Outgoing(Shoe(size: 1), delay: delay, priority: Priority(clamping: sent))
                    try await bench.broker.send([shoe], to: queue)
                    #expect(try await bench.broker.inspect(shoe.id)?.priority.number == expected, "\(levels) \(sent)")
                }
                let received = try await bench.receive(queue: queue.name)
                try await bench.broker.deadLetter(received.map { .init($0, reason: "r", error: nil) })
                for message in received { dead[message.message.id] = expected }
            }
            try await bench.database.execute("DELETE FROM mq.messages")
            #expect(dead.count == 4)
            for (id, expected) in dead {
                #expect(try await bench.broker.inspect(id)?.priority.number == expected)
            }
        }
    }

    @Test("a draft for a topic reaches whoever hears it")
    func publish() async throws {
        try await Bench.with { bench async throws in
            try await bench.broker.declare(topic: "news")
            try await bench.broker.subscribe("shoes", to: "news", tags: ["red"])
            for tag in ["red", "blue"] {
                try await bench.broker.publish(Draft(body: Array(#"{"size": 1}"#.utf8), tag: tag), to: "news")
            }
            #expect(try await bench.receive().map(\.message.tag) == ["red"])
        }
    }
}
