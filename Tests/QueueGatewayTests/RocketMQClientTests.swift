import MessageQueue
import QueueGateway
import Testing

extension VendorClientTests {
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

    @Test(
        "a group that was made before any of its consumers came hears what was published meanwhile, of its tags and in order"
    )
    func groupsMadeBeforehand() async throws {
        try await GatewayProcess.with { gateway in
            let broker = gateway.broker
            let queue = try await QueueGateway.makeGroup("GID-all", of: "early", instance: "MQ_INST_1", on: broker)
            #expect(queue == "MQ_INST_1.early.GID-all")
            try await QueueGateway.makeGroup(
                "GID-red", of: "early", instance: "MQ_INST_1", tags: ["red"], isOrderly: true, on: broker)
            try await gateway.run("made_beforehand", of: "rocketmq", with: "mq-http-sdk")
            // Again, for other tags, of the library's own topic, and by names that are none.
            try await QueueGateway.makeGroup(
                "GID-red", of: "early", instance: "MQ_INST_1", tags: ["blue"], isOrderly: true, on: broker)
            let entry = try await broker.subscription("MQ_INST_1.early.GID-red.orderly", of: "MQ_INST_1.early")
            #expect(entry.subscription.tags == ["blue"])
            #expect(try await QueueGateway.makeGroup("G", of: "shop.news", on: broker) == "shop.news.G")
            for (group, instance) in [("a.b", nil), ("G", "a.b"), ("orderly", nil), ("", nil)] as [(String, String?)] {
                await #expect(throws: QueueError.self, "\(group)") {
                    try await QueueGateway.makeGroup(group, of: "early", instance: instance, on: broker)
                }
            }
        }
    }

    @Test("what is not acknowledged in time comes again, by a new handle, with the attempt counted")
    func redelivery() async throws {
        try await GatewayProcess.with(["REDELIVERY_TIME": "2s"]) { gateway in
            try await gateway.run("redelivery", of: "rocketmq", with: "mq-http-sdk")
        }
    }
}
