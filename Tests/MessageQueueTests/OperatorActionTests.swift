import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("What operators do is recorded with it")
struct OperatorActionTests {
    private let ada = Operator("ada", via: "desk")

    @Test("each operator's verb is recorded with who, what and how many, the latest first")
    func verbs() async throws {
        try await Bench.with { bench in
            try await bench.send(3)
            try await bench.broker.deadLetter(
                try await bench.receive().map { .init($0, reason: "tired", error: "timeout") })
            try await ada.act {
                try await bench.broker.pause("shoes")
                try await bench.broker.resume("shoes")
                try await bench.broker.limit("shoes", to: QueueLimits(concurrency: 5))
                _ = try await bench.broker.redrive(.init(queue: "shoes", key: "k0"), rate: 100)
                _ = try await bench.broker.purge(.init(reason: "tired"))
            }
            let told = try await bench.broker.operatorActions()
            #expect(told.map(\.verb) == [.purge, .redrive, .limit, .resume, .pause])
            #expect(told.map(\.messages) == [2, 1, 0, 0, 0])
            #expect(told.allSatisfy { $0.by == ada && !$0.role.isEmpty && $0.endedAt.map { _ in true } == true })
            #expect(told[0].queue == nil && told[0].detail == ["reason": "tired"])
            #expect(told[1].queue == "shoes" && told[1].detail == ["key": "k0", "rate": "100.0"])
            #expect(told[2].detail == ["concurrency": "5"])
            let page = try await bench.broker.operatorActions(before: told[3].number, queue: "shoes", limit: 1)
            #expect(page.map(\.verb) == [.pause])
        }
    }

    @Test("actions are told of one person, one queue or one verb, and of all three together, page by page")
    func filters() async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            try await broker.declare(queue: "boots")
            try await ada.act {
                try await broker.pause("shoes")
                try await broker.pause("boots")
            }
            try await Operator("bob", via: "shoeshop").act {
                try await broker.resume("shoes")
                try await broker.resume("boots")
                try await broker.pause("shoes")
            }
            try await broker.resume("shoes")
            let role = try #require(try await broker.operatorActions(limit: 1).first).role
            #expect(try await broker.operatorActions(by: "ada").map(\.queue) == ["boots", "shoes"])
            #expect(try await broker.operatorActions(by: role).map(\.verb) == [.resume])
            #expect(try await broker.operatorActions(by: "eve").isEmpty)
            #expect(try await broker.operatorActions(verb: .pause).map(\.by?.name) == ["bob", "ada", "ada"])
            #expect(try await broker.operatorActions(queue: "boots").map(\.verb) == [.resume, .pause])
            #expect(try await broker.operatorActions(queue: "shoes", by: "bob").map(\.verb) == [.pause, .resume])
            #expect(try await broker.operatorActions(queue: "boots", verb: .resume).map(\.by?.name) == ["bob"])
            #expect(try await broker.operatorActions(queue: "shoes", by: "ada", verb: .resume).isEmpty)
            let first = try await broker.operatorActions(by: "bob", limit: 2)
            let second = try await broker.operatorActions(before: first[1].number, by: "bob", limit: 2)
            #expect(first.map(\.verb) == [.pause, .resume] && second.map(\.verb) == [.resume])
        }
    }

    @Test("a queue that an operator makes, changes or deletes is recorded, with what is different; a program's is not")
    func queues() async throws {
        try await Bench.with { bench in
            _ = try await bench.broker.create(queue: "boots")
            try await ada.act { () async throws in
                #expect(try await !bench.broker.create(queue: "boots"))
                #expect(try await bench.broker.create(queue: "socks"))
                try await bench.broker.change(queue: "socks") { $0.settings.retry.attempts = 7 }
                try await bench.broker.change(queue: "socks") { $0.settings.retry.attempts = 7 }
                #expect(try await bench.broker.delete(queue: "socks"))
                #expect(try await !bench.broker.delete(queue: "socks"))
            }
            try await bench.broker.delete(queue: "boots")
            let told = try await bench.broker.operatorActions()
            #expect(told.map(\.verb) == [.deleteQueue, .changeQueue, .createQueue])
            #expect(told.allSatisfy { $0.by == ada && $0.queue == "socks" && $0.standing == .ended })
            #expect(told.map(\.detail) == [[:], ["attempts": "7"], [:]])
        }
    }

    @Test("topics and subscriptions that an operator makes, changes or deletes are recorded, and a program's are not")
    func topics() async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            let hook = Subscription("hook", of: "sold", to: .stored("https://ada:secret@hook.example"), format: "XML")
            func deeds() async throws {
                _ = try await broker.create(topic: "sold")
                _ = try await broker.create(topic: "sold")
                try await broker.change(topic: "sold") { $0.labels["a"] = "secret" }
                try await broker.change(topic: "sold") { $0.labels["a"] = "secret" }
                _ = try await broker.create(subscription: hook)
                _ = try await broker.create(subscription: hook)
                try await broker.change(subscription: "hook", of: "sold") { hook in
                    hook.endpoint = .queue("shoes")
                    hook.tags = ["red", "blue"]
                    hook.labels["b"] = "secret"
                }
                try await broker.subscribe("shoes", to: "sold", tags: ["red"])
                for _ in 0..<2 { try await broker.unsubscribe("shoes", from: "sold") }
                for _ in 0..<2 { try await broker.delete(subscription: "hook", of: "sold") }
                for _ in 0..<2 { try await broker.delete(topic: "sold") }
            }
            try await deeds()
            #expect(try await broker.operatorActions().isEmpty)
            try await ada.act { try await deeds() }
            let told = try await broker.operatorActions().reversed()
            #expect(
                told.map(\.verb) == [
                    .createTopic, .changeTopic, .createSubscription, .changeSubscription, .subscribe, .unsubscribe,
                    .deleteSubscription, .deleteTopic,
                ])
            #expect(told.allSatisfy { $0.by == ada && $0.detail["topic"] == "sold" && $0.standing == .ended })
            #expect(told.map(\.queue) == [nil, nil, nil, "shoes", "shoes", "shoes", nil, nil])
            let details = told.map { action in action.detail.filter { $0.key != "topic" } }
            #expect(
                details == [
                    [:], ["labels": "a"], ["subscription": "hook", "format": "XML"],
                    ["subscription": "hook", "tags": "red, blue", "labels": "b"], ["tags": "red"], [:],
                    ["subscription": "hook"], [:],
                ])
        }
    }

    @Test("of a queue's labels it is recorded which an operator has changed, and not what they hold")
    func labels() async throws {
        try await Bench.with { bench in
            try await bench.broker.change(queue: "shoes") { $0.labels = ["a": "1", "b": "2", "c": "3"] }
            _ = try await ada.act { () async throws in
                try await bench.broker.change(queue: "shoes") { $0.labels = ["a": "1", "b": "secret", "d": "4"] }
            }
            #expect(try await bench.broker.operatorActions().map(\.detail) == [["labels": "b, c, d"]])
        }
    }

    @Test("what is noted of all queues together is kept, within its limit, and who notes it is recorded")
    func labelsOfAll() async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            #expect(try await broker.labels().isEmpty)
            for _ in 0..<2 { try await ada.act { try await broker.changeLabels { $0["a"] = "secret" } } }
            await #expect(throws: QueueError.self) {
                try await broker.changeLabels { $0["b"] = String(repeating: "b", count: MessageLimits.headerBytes) }
            }
            #expect(try await broker.labels() == ["a": "secret"])
            let told = try await broker.operatorActions()
            #expect(told.map(\.verb) == [.changeLabels] && told[0].by == ada && told[0].detail == ["labels": "a"])
            try await broker.changeLabels { $0["a"] = nil }
            #expect(try await broker.labels().isEmpty)
        }
    }

    @Test("an operator of any name is recorded, and so is what was looked for, each cut to what is kept")
    func longNames() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            let error = String(repeating: "日", count: 3000)
            try await bench.broker.deadLetter(bench.receive().map { .init($0, reason: "tired", error: error) })
            let long = "a\0da " + String(repeating: "日", count: 100_000)
            try await Operator(long, via: long).act { _ = try await bench.broker.purge(.init(error: error)) }
            let told = try #require(try await bench.broker.operatorActions().first)
            #expect(told.messages == 1 && told.by?.name.hasPrefix("ada 日") == true)
            for text in [told.by?.name, told.by?.via] { #expect((190...200).contains(text?.utf8.count ?? 0)) }
            #expect((990...1000).contains(told.detail["error"]?.utf8.count ?? 0))
        }
    }

    @Test("what is done to a queue of the longest name is told by that name")
    func longQueue() async throws {
        try await Bench.with { bench in
            let queue = QueueName(String(repeating: "q", count: MessageLimits.nameCharacters))
            _ = try await ada.act { try await bench.broker.create(queue: queue) }
            #expect(try await bench.broker.operatorActions(queue: queue).map(\.verb) == [.createQueue])
        }
    }

    @Test("an operator who retries or skips a blocked key is recorded, and one who found nothing to do is not")
    func blocked() async throws {
        try await Bench.with(QueueSettings(order: .blockOnFailure)) { bench in
            try await bench.send(2)
            try await bench.broker.deadLetter(try await bench.receive().map { .init($0, reason: "r", error: nil) })
            try await ada.act { () async throws in
                #expect(try await bench.broker.skipBlocked("shoes", key: "k0"))
                #expect(try await bench.broker.retryBlocked("shoes", key: "k1"))
                #expect(try await !bench.broker.skipBlocked("shoes", key: "nobody's"))
                #expect(try await bench.broker.purge(.init(reason: "nobody's")).matched == 0)
            }
            let told = try await bench.broker.operatorActions()
            #expect(told.map(\.verb) == [.retryBlocked, .skipBlocked] && told.map(\.messages) == [1, 1])
            #expect(told.map(\.detail) == [["key": "k1"], ["key": "k0"]])
        }
    }

    @Test("an action without an operator is recorded with the role alone; one that fails leaves no record")
    func nobody() async throws {
        try await Bench.with { bench in
            try await bench.broker.pause("shoes")
            await #expect(throws: QueueError.unknownQueue("lost")) { try await bench.broker.pause("lost") }
            let told = try await bench.broker.operatorActions()
            #expect(told.count == 1 && told[0].by == nil && !told[0].role.isEmpty)
        }
    }

    @Test("a redrive that is broken off stays recorded as far as it came, and as not ended")
    func brokenOff() async throws {
        try await Bench.with { bench in
            try await bench.send(20)
            try await bench.broker.deadLetter(try await bench.receive().map { .init($0, reason: "r", error: nil) })
            let slow = Task { try await bench.broker.redrive(rate: 0.001) }
            let action = try await eventually("the first letter is recorded") {
                try await bench.broker.operatorActions().first
            }
            slow.cancel()
            await #expect(throws: (any Error).self) { try await slow.value }
            #expect(action.messages == 1 && action.endedAt == nil)
            #expect(try await bench.broker.operatorActions().map(\.messages) == [1])
        }
    }

    @Test("dead letters are counted by reason, filtered by the text of their error, and told page by page")
    func groups() async throws {
        try await Bench.with { bench in
            try await bench.send(5)
            let held = try await bench.receive()
            try await bench.broker.deadLetter(held[..<3].map { .init($0, reason: "tired", error: "Timeout at 12:00") })
            try await bench.broker.deadLetter(held[3...].map { .init($0, reason: "lost", error: nil) })
            let groups = try await bench.broker.deadLetterGroups()
            #expect(groups.map(\.reason) == ["tired", "lost"] && groups.map(\.count) == [3, 2])
            #expect(groups.allSatisfy { $0.queue == "shoes" && $0.first <= $0.last })
            #expect(try await bench.broker.deadLetterGroups(of: "boots").isEmpty)
            #expect(try await bench.broker.deadLetterCount(.init(error: "timeout")) == 3)
            #expect(try await bench.broker.deadLetterCount() == 5)
            let first = try await bench.broker.deadLetters(limit: 2)
            let rest = try await bench.broker.deadLetters(after: first[1].ticket)
            #expect((first + rest).map(\.message.id) == held.map(\.message.id))
            let heads = try await bench.broker.deadLetterHeads(.init(reason: "lost"), after: first[1].ticket)
            #expect(heads.map(\.message) == held[3...].map(\.message.id))
            #expect(heads.map(\.key) == held[3...].map(\.message.key))
            #expect(heads.map(\.attempts) == [1, 1] && heads.map(\.ticket) == rest[1...].map(\.ticket))
        }
    }
}
