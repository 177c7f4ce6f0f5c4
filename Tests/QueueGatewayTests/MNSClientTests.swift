import MessageQueue
import Postgres
import QueueGateway
import Testing

/// Each of its own process, as those of ``GatewayTests``.
@Suite("Alibaba's own clients at the gateway", .serialized, .timeLimit(.minutes(15)))
struct VendorClientTests {
    @Test(
        "Alibaba's own client makes each call of queues and messages, and finds what the service promises",
        arguments: [
            "create_and_attributes", "attribute_ranges", "names", "lists", "queue_meta", "topic_meta",
            "send_and_receive", "plain_bodies", "empty_bodies", "binary_bodies", "handles", "expired_handles",
            "first_reception", "batches", "delays_and_priorities", "priorities_in_batches", "properties", "sizes",
            "long_polls", "account_calls", "time_expired", "wrong_keys",
        ])
    func queues(_ function: String) async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.run(function, of: "mns_calls", with: "aliyun-mns-sdk")
            #expect(try await EngineAudit.contradictions(on: gateway.database) == [])
        }
    }

    @Test(
        "Alibaba's own client makes each call of topics and subscriptions, and finds what the service promises",
        arguments: [
            "topics", "names", "lists", "subscriptions", "endpoints", "formats", "filters", "publishing",
        ])
    func topics(_ function: String) async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.run(function, of: "mns_topics", with: "aliyun-mns-sdk")
            #expect(try await EngineAudit.contradictions(on: gateway.database) == [])
        }
    }

    @Test("Alibaba's own client is told that a key may not do what it asks for, or not so often")
    func refusals() async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.broker.declare(queue: "in")
            try await gateway.broker.declare(topic: "news")
            let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
            let permissions = ["send:queues/in", "read:topics/news"].compactMap { Permission($0) }
            let narrow = try await secret.makeKey(permissions: permissions, on: gateway.broker)
            try await gateway.run("access_denied", of: "mns_calls", with: "aliyun-mns-sdk", as: narrow)
            let slow = try await secret.makeKey(ratePerSecond: 1, on: gateway.broker)
            try await gateway.run("too_many_calls", of: "mns_calls", with: "aliyun-mns-sdk", as: slow)
        }
    }

    @Test("what is older than a queue's MessageRetentionPeriod Alibaba's own client is never given")
    func retention() async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.run("retention_before", of: "mns_calls", with: "aliyun-mns-sdk")
            let aged: [Statement] = [
                "UPDATE mq.messages SET sent_at = sent_at - interval '61 seconds'",
                """
                UPDATE mq.scheduled SET sent_at = sent_at - interval '61 seconds', due_at = now() - interval '1 second'
                """,
            ]
            for statement in aged { #expect(try await gateway.database.execute(statement) == 1) }
            try await gateway.run("retention_after", of: "mns_calls", with: "aliyun-mns-sdk")
            #expect(try await EngineAudit.contradictions(on: gateway.database) == [])
        }
    }

    @Test(
        "the older client of Alibaba works as well",
        arguments: [
            "queues", "messages", "topics", "topic_pages", "delays", "batch_errors", "subscriptions",
            "properties_of_others", "peeks_and_polls", "names_and_ranges", "formats", "account_and_keys",
        ])
    func older(_ function: String) async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.run(function, of: "mns_older", with: "aliyun-mns")
            #expect(try await EngineAudit.contradictions(on: gateway.database) == [])
        }
    }
}
