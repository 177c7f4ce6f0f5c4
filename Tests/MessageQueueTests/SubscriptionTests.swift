import Dispatch
import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Topics and their subscriptions are made, listed, changed and deleted while messages are published")
struct SubscriptionTests {
    private let news = Topic<Shoe>("news")

    private func setUp(_ bench: Bench) async throws {
        #expect(try await bench.broker.create(topic: "news", labels: ["size": "64"]))
        try await bench.broker.declare(queue: "boots")
    }

    private func hear(
        _ name: String, to queue: QueueName = "boots", tags: [String]? = nil, format: String? = nil
    ) -> Subscription {
        Subscription(name, of: "news", to: .queue(queue), tags: tags, format: format)
    }

    private func received(_ bench: Bench, from queue: QueueName = "boots") async throws -> [Message] {
        try await bench.promote(queue)
        return try await bench.broker.receive(queue, limit: 1000, lease: .seconds(3600)).map(\.message)
    }

    @Test("of several who make the same topic one makes it; its labels change, and it is listed and deleted")
    func topics() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            #expect(try await bench.broker.create(topic: "news", labels: ["other": "x"]) == false)
            let topic = try await bench.broker.topic("news")
            #expect(topic.labels == ["size": "64"] && topic.createdAt == topic.changedAt)
            let changed = try await bench.broker.change(topic: "news") { $0.labels["a"] = "b" }
            #expect(changed.labels == ["size": "64", "a": "b"] && changed.changedAt > topic.changedAt)
            #expect(try await bench.broker.change(topic: "news") { _ in } == changed)
            for name in ["n-2", "n-10", "n-1"] { _ = try await bench.broker.create(topic: TopicName(name)) }
            let page = try await bench.broker.topics(prefix: "n-", limit: 2).map(\.topic)
            #expect(page == ["n-1", "n-10"])
            #expect(try await bench.broker.topics(prefix: "n-", after: "n-10").map(\.topic) == ["n-2"])
            #expect(try await bench.broker.topics(prefix: "").count == 4)
            #expect(try await bench.broker.create(subscription: hear("all")))
            try await bench.broker.publish([Outgoing(Shoe(size: 1))], to: news)
            #expect(try await bench.broker.delete(topic: "news"))
            #expect(try await bench.broker.delete(topic: "news") == false)
            #expect(try await received(bench).count == 1, "what was published before is delivered")
            for call in [
                { _ = try await bench.broker.topic("news") },
                { _ = try await bench.broker.change(topic: "news") { _ in } },
                { _ = try await bench.broker.create(subscription: hear("all")) },
                { _ = try await bench.broker.subscriptions(of: "news") },
                { _ = try await bench.broker.subscription("all", of: "news") },
                { try await bench.broker.publish([Outgoing(Shoe(size: 1))], to: news) },
            ] as [@Sendable () async throws -> Void] {
                await #expect(throws: QueueError.unknownTopic("news")) { try await call() }
            }
            await #expect(throws: QueueError.invalidName("a b")) { try await bench.broker.create(topic: "a b") }
        }
    }

    @Test("a subscription is told as it was made, with its endpoint, tags, format and labels, and as it was changed")
    func subscriptions() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            var made = hear("warm", tags: ["red"], format: "XML")
            made.labels = ["strategy": "BACKOFF"]
            #expect(try await bench.broker.create(subscription: made))
            #expect(try await bench.broker.create(subscription: hear("warm")) == false)
            let stored = Subscription("push", of: "news", to: .stored("http://example.com/a"))
            #expect(try await bench.broker.create(subscription: stored))
            let entry = try await bench.broker.subscription("warm", of: "news")
            #expect(entry.subscription == made && entry.createdAt == entry.changedAt)
            #expect(try await bench.broker.subscriptions(of: "news").map(\.subscription) == [stored, made])
            #expect(try await bench.broker.subscriptions(of: "news", prefix: "w").map(\.subscription) == [made])
            let next = try await bench.broker.subscriptions(of: "news", after: "push", limit: 1)
            #expect(next.map(\.subscription.name) == ["warm"])
            // Tags decide of what comes next.
            try await bench.broker.publish([Outgoing(Shoe(size: 1), tag: "blue")], to: news)
            let changed = try await bench.broker.change(subscription: "warm", of: "news") { one in
                one.tags = ["blue"]
                one.format = nil
                one.endpoint = .queue("shoes")
            }
            #expect(changed.subscription.labels == made.labels && changed.changedAt > entry.changedAt)
            try await bench.broker.publish([Outgoing(Shoe(size: 2), tag: "blue")], to: news)
            #expect(try await received(bench).isEmpty)
            let heard = try await received(bench, from: "shoes")
            #expect(heard.map { String(decoding: $0.body, as: UTF8.self) } == ["{\"size\":2}"])
            #expect(try await bench.broker.topics().compactMap(\.queue) == ["shoes"])
            #expect(try await bench.broker.delete(subscription: "warm", of: "news"))
            #expect(try await bench.broker.delete(subscription: "warm", of: "news") == false)
            await #expect(throws: QueueError.unknownSubscription("warm", of: "news")) {
                try await bench.broker.subscription("warm", of: "news")
            }
            await #expect(throws: QueueError.unknownSubscription("warm", of: "news")) {
                try await bench.broker.change(subscription: "warm", of: "news") { _ in }
            }
            await #expect(throws: QueueError.unknownQueue("none")) {
                try await bench.broker.create(subscription: hear("lost", to: "none"))
            }
            await #expect(throws: QueueError.invalidName("-x")) {
                try await bench.broker.create(subscription: hear("-x"))
            }
        }
    }

    @Test("who changes a subscription that somebody ends in the same moment is told that it is gone")
    func changeOfOneThatEnds() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            #expect(try await bench.broker.create(subscription: hear("warm", tags: ["red"])))
            let ended = DispatchSemaphore(value: 0)
            await #expect(throws: QueueError.unknownSubscription("warm", of: "news")) {
                try await bench.broker.change(subscription: "warm", of: "news") { one in
                    // Awaited on the next line, by the connection's own thread.
                    Task {
                        defer { ended.signal() }
                        return try await bench.broker.delete(subscription: "warm", of: "news")
                    }
                    ended.wait()
                    one.tags = ["blue"]
                }
            }
            #expect(try await bench.broker.subscriptions(of: "news").isEmpty)
        }
    }

    @Test(
        "a copy for a subscription with a format tells its name and format, and others carry no more than they were sent with"
    )
    func formats() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            try await bench.broker.subscribe("shoes", to: "news")
            #expect(try await bench.broker.create(subscription: hear("loud", format: "XML")))
            let message = Outgoing(Shoe(size: 1), headers: ["colour": "red"])
            let bare = Outgoing(Shoe(size: 2))
            try await bench.broker.publish([message, bare], to: news)
            let plain = try await received(bench, from: "shoes")
            #expect(Set(plain.map(\.headers)) == [["colour": "red"], [:]])
            #expect(plain.allSatisfy { $0.subscription == nil && $0.publishedID == $0.id })
            let marked = try await received(bench)
            #expect(Set(marked.map(\.id)) == [message.id, bare.id], "the same id")
            #expect(marked.allSatisfy { $0.subscription?.name == "loud" && $0.subscription?.format == "XML" })
            #expect(marked.first { $0.id == message.id }?.headers["colour"] == "red")
            #expect(marked.allSatisfy { $0.publishedID == $0.id })
        }
    }

    @Test("a queue with several subscriptions of a topic gets a copy for each that matches, with an id of its own")
    func several() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            try await bench.broker.subscribe("boots", to: "news")
            #expect(try await bench.broker.create(subscription: hear("all")))
            #expect(try await bench.broker.create(subscription: hear("red", tags: ["red"], format: "JSON")))
            let messages = [Outgoing(Shoe(size: 1), tag: "red"), Outgoing(Shoe(size: 2), tag: "blue")]
            try await bench.broker.publish(messages, to: news)
            let copies = try await received(bench)
            #expect(copies.count == 5 && Set(copies.map(\.id)).count == 5)
            let red = copies.filter { $0.publishedID == messages[0].id }
            #expect(Set(red.map { $0.subscription?.name }) == [nil, "all", "red"])
            #expect(red.first { $0.subscription == nil }?.id == messages[0].id)
            #expect(red.first { $0.subscription?.name == "red" }?.subscription?.format == "JSON")
            let blue = copies.filter { $0.publishedID == messages[1].id }
            #expect(Set(blue.map { $0.subscription?.name }) == [nil, "all"])
            #expect(
                copies.allSatisfy {
                    "\($0.id)".dropFirst(14).first == "7" && "89ab".contains("\($0.id)".dropFirst(19).first ?? "x")
                })
            #expect(copies.allSatisfy { "\($0.id)".prefix(13) == "\($0.publishedID)".prefix(13) }, "of the same time")
            #expect(try await bench.broker.unsubscribe("boots", from: "news"))
            try await bench.broker.publish([Outgoing(Shoe(size: 3), tag: "blue")], to: news)
            #expect(try await received(bench).map { $0.subscription?.name } == ["all"])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("two subscriptions to one queue that are made at once are both there, and one of them is the first")
    func atOnce() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        if number == 0 { return try await bench.another().subscribe("boots", to: "news") }
                        #expect(try await bench.another().create(subscription: hear("s\(number)")))
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await bench.number("SELECT count(*) FROM mq.subscriptions WHERE NOT is_additional") == 1)
            let message = Outgoing(Shoe(size: 1))
            try await bench.broker.publish([message], to: news)
            let copies = try await received(bench)
            #expect(copies.count == 8 && copies.filter { $0.id == message.id }.count == 1)
            #expect(copies.allSatisfy { $0.publishedID == message.id })
        }
    }

    @Test("where copies for several subscriptions find no free lane, or wait, each is there once all the same")
    func putAside() async throws {
        try await Bench.with(QueueSettings(lanes: 1, delay: .milliseconds(1))) { bench in
            try await setUp(bench)
            for name in ["a", "b"] {
                #expect(try await bench.broker.create(subscription: hear(name, to: "shoes", format: "XML")))
            }
            let messages = (0..<3).map { Outgoing(Shoe(size: $0)) }
            try await bench.broker.publish(messages, to: news)
            #expect(try await bench.statistics().scheduled == 6)
            let copies = try await received(bench, from: "shoes")
            #expect(copies.count == 6 && Set(copies.map(\.id)).count == 6)
            #expect(
                copies.filter { $0.subscription?.name == "b" }.map(\.publishedID.description).sorted()
                    == messages.map(\.id.description).sorted())
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a name that is taken by a subscription to elsewhere is refused to a queue of that name")
    func nameTaken() async throws {
        try await Bench.with { bench in
            try await setUp(bench)
            #expect(try await bench.broker.create(subscription: hear("shoes")))
            await #expect(throws: QueueError.self) { try await bench.broker.subscribe("shoes", to: "news") }
            #expect(try await bench.broker.unsubscribe("shoes", from: "news") == false)
        }
    }
}

extension Bench {
    /// Moves what is scheduled in a queue into the log, due or not.
    fileprivate func promote(_ queue: QueueName) async throws {
        try await database.execute("UPDATE mq.scheduled SET due_at = now() - interval '1 second'")
        while try await broker.promote(entry(queue), on: database).moved > 0 {}
    }
}
