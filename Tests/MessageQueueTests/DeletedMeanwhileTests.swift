import Postgres
import TestSupport
import Testing

@testable import MessageQueue

/// A statement sees a queue or topic, and waits for the lock of somebody who has just deleted it.
@Suite("What is stored for a queue or topic that is deleted in that moment", .timeLimit(.minutes(5)))
struct DeletedMeanwhileTests {
    private let news = Topic<Shoe>("news")

    @Test("what is published once or prepared under a topic that is deleted in that moment is refused for want of it")
    func topics() async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            let calls: [@Sendable () async throws -> Void] = [
                {
                    _ = try await broker.publishOnce(
                        [Outgoing(Shoe(size: 1))], to: news, under: "n", fingerprint: "f")
                },
                {
                    _ = try await broker.prepare(
                        Outgoing(Shoe(size: 1)), to: news, by: "shop", check: .seconds(60))
                },
            ]
            for call in calls {
                try await broker.declare(topic: news.name)
                await #expect(throws: QueueError.unknownTopic(news.name)) {
                    try await bench.calling(during: "DELETE FROM mq.topics WHERE name = 'news'", call)
                }
            }
        }
    }

    @Test("what is sent once or subscribed under a queue that is deleted in that moment is refused for want of it")
    func queues() async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            let boots = Queue<Shoe>("boots")
            try await broker.declare(topic: news.name)
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await broker.sendOnce([Outgoing(Shoe(size: 1))], to: boots) },
                {
                    _ = try await broker.sendOnce(
                        [Outgoing(Shoe(size: 1))], to: boots, under: "n", fingerprint: "f")
                },
                { _ = try await broker.create(subscription: Subscription("s", of: "news", to: .queue("boots"))) },
            ]
            for call in calls {
                try await broker.declare(queue: boots.name)
                await #expect(throws: QueueError.unknownQueue(boots.name)) {
                    try await bench.calling(during: "DELETE FROM mq.queues WHERE name = 'boots'", call)
                }
            }
            #expect(try await bench.audit() == [])
        }
    }
}

extension Bench {
    /// Calls while somebody has deleted something, and commits once the call waits for him.
    func calling(during deletion: String, _ call: @escaping @Sendable () async throws -> Void) async throws {
        let holder = try await Connection.open(database.conninfo)
        try await holder.script("BEGIN; \(deletion)")
        let task = Task { try await call() }
        try await eventually("it waits for the deletion") {
            try await holder.query(
                """
                SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                """
            ) { _ in }.count > 0
        }
        try await holder.script("COMMIT")
        await holder.close()
        try await task.value
    }
}
