import MessageQueue
import Testing

/// Each of its own process, as those of ``GatewayTests``.
@Suite("Alibaba's own clients at the gateway", .serialized, .timeLimit(.minutes(15)))
struct VendorClientTests {
    @Test(
        "Alibaba's own client makes each call of queues and messages, and finds what the service promises",
        arguments: [
            "create_and_attributes", "attribute_ranges", "names", "lists", "send_and_receive", "plain_bodies",
            "empty_bodies", "binary_bodies", "handles", "first_reception", "batches", "delays_and_priorities",
            "properties", "sizes", "long_polls", "account_calls", "wrong_keys",
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

    @Test("the older client of Alibaba works as well", arguments: ["queues", "messages", "topics", "subscriptions"])
    func older(_ function: String) async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.run(function, of: "mns_older", with: "aliyun-mns")
            #expect(try await EngineAudit.contradictions(on: gateway.database) == [])
        }
    }
}
