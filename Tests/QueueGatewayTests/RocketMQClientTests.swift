import MessageQueue
import Testing

extension GatewayTests {
    @Test(
        "Alibaba's own client of RocketMQ publishes and consumes in groups, and finds what the service promises",
        arguments: [
            "publish_and_consume", "groups_and_tags", "acknowledging", "delays", "orderly", "long_polls", "errors",
            "half_messages", "half_checks", "instances",
        ])
    func rocketMQ(_ function: String) async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.run(function, of: "rocketmq", with: "mq-http-sdk")
            #expect(try await EngineAudit.contradictions(on: gateway.database) == [])
        }
    }

    @Test("what is not acknowledged in time comes again, by a new handle, with the attempt counted")
    func redelivery() async throws {
        try await GatewayProcess.with(["REDELIVERY_TIME": "2s"]) { gateway in
            try await gateway.run("redelivery", of: "rocketmq", with: "mq-http-sdk")
        }
    }
}
