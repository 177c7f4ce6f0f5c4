import MessageQueue
import TestSupport
import Testing

@testable import Postgres
@testable import QueueGateway

@Suite("What groups of RocketMQ's consumers hear")
struct ConsumerGroupsTests {
    /// A gateway's groups, and one that hears `red` of the topic `news`.
    private static func with(
        _ body: @escaping @Sendable (Broker, ConsumerGroups, QueueName) async throws -> Void
    ) async throws {
        try await TestDatabase.with(.gateway) { database in
            let broker = Broker(database)
            try await broker.declare(topic: "news")
            let groups = ConsumerGroups(broker, Redelivery(plain: .seconds(60), orderly: .seconds(60)))
            let group = try await groups.group("G", of: "news", tags: ["red"], isOrderly: false)
            try await body(broker, groups, group.queue)
        }
    }

    @Test("a changed expression holds for the whole group and for what is published from then on, and what waits stays")
    func changed() async throws {
        try await Self.with { broker, groups, queue in
            func publish(_ tags: [String]) async throws {
                try await broker.publish(
                    tags.map { Outgoing(RawBody($0), tag: $0) }, to: Topic<RawBody>("news"))
            }
            try await publish(["red", "blue"])
            _ = try await groups.group("G", of: "news", tags: ["blue"], isOrderly: false)
            #expect(try await broker.subscription(queue.text, of: "news").subscription.tags == ["blue"])
            try await publish(["red", "blue"])
            let found = try await broker.receive(queue, limit: 10, lease: .seconds(60))
            #expect(found.compactMap(\.message.tag).sorted() == ["blue", "red"])
        }
    }

    @Test("consumers of one group who want different tags do not undo each other's with each call")
    func alternating() async throws {
        try await Self.with { broker, groups, queue in
            _ = try await groups.group("G", of: "news", tags: ["blue"], isOrderly: false)
            let changed = try await broker.subscription(queue.text, of: "news")
            for _ in 0..<5 {
                for tags in [["red"], ["blue"], nil] as [[String]?] {
                    #expect(try await groups.group("G", of: "news", tags: tags, isOrderly: false).queue == queue)
                }
            }
            #expect(try await broker.subscription(queue.text, of: "news") == changed)
            // Another group of the topic is changed all the same.
            let other = try await groups.group("H", of: "news", tags: ["red"], isOrderly: false).queue
            _ = try await groups.group("H", of: "news", tags: nil, isOrderly: false)
            #expect(try await broker.subscription(other.text, of: "news").subscription.tags == nil)
        }
    }

    @Test("consumers of one group who come at the same time have it made sure of once")
    func crowd() async throws {
        let made = Tally(0)
        var options = DatabaseOptions()
        options.connection.pace = { sql in if sql.contains("INSERT INTO mq.queues") { made.change { $0 += 1 } } }
        try await TestDatabase.with(.gateway, options: options) { database in
            let broker = Broker(database)
            try await broker.declare(topic: "news")
            let groups = ConsumerGroups(broker, Redelivery(plain: .seconds(60), orderly: .seconds(60)))
            try await withThrowingTaskGroup(of: Void.self) { consumers in
                for _ in 0..<200 {
                    consumers.addTask { _ = try await groups.group("G", of: "news", tags: ["red"], isOrderly: false) }
                }
                try await consumers.waitForAll()
            }
            #expect(made.value == 1)
        }
    }

    @Test("a group's queue gives a message out 288 times, and keeps it three days, or in order for ever")
    func settings() async throws {
        try await Self.with { broker, groups, queue in
            let plain = try await broker.queue(queue).settings
            #expect(plain.retry.attempts == 288 && plain.retry.base == .zero && plain.lease == .seconds(60))
            #expect(plain.retention == .seconds(3 * 86_400) && plain.order == nil)
            let other = try await groups.group("G", of: "news", tags: nil, isOrderly: true)
            let orderly = try await broker.queue(other.queue).settings
            #expect(orderly.retry.attempts == 288 && orderly.lanes == 32 && orderly.order == .skipOnFailure)
            #expect(orderly.retention == nil)
            let options = QueueGateway.Options()
            #expect(options.redelivery == .seconds(300) && options.orderlyRedelivery == .seconds(60))
        }
    }

    @Test("a group's name that another subscription has goes nowhere else, and is refused")
    func elsewhere() async throws {
        try await Self.with { broker, groups, _ in
            _ = try await broker.create(
                subscription: Subscription("news.H", of: "news", to: .stored("http://example.com"), tags: ["red"]))
            await #expect(throws: QueueError.self) {
                _ = try await groups.group("H", of: "news", tags: ["red"], isOrderly: false)
            }
        }
    }
}
