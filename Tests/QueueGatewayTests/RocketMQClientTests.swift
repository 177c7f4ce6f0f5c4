import MessageQueue
import QueueGateway
import Testing

extension VendorClientTests {
    @Test(
        "Alibaba's own client of RocketMQ publishes and consumes in groups, and finds what the service promises",
        arguments: [
            "publish_and_consume", "empty_bodies", "binary_bodies", "keys", "groups_and_tags", "changed_tags",
            "acknowledging", "delays", "timed_in_order", "orderly", "orderly_shards", "long_polls", "errors",
            "half_messages", "half_checks", "instances", "long_names", "deleted_groups", "time_expired",
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

    @Test("Alibaba's own client of RocketMQ is told that a key may not do what it asks for, or not so often")
    func refusalsOfRocketMQ() async throws {
        try await GatewayProcess.with { gateway in
            for topic in ["heard", "told"] as [TopicName] { try await gateway.broker.declare(topic: topic) }
            let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
            let permissions = ["receive:topics/heard", "send:topics/told", "send:topics/none"]
            let narrow = try await secret.makeKey(
                permissions: permissions.compactMap { Permission($0) }, on: gateway.broker)
            try await gateway.run("access_denied", of: "rocketmq", with: "mq-http-sdk", as: narrow)
            let slow = try await secret.makeKey(ratePerSecond: 1, on: gateway.broker)
            try await gateway.run("too_many_calls", of: "rocketmq", with: "mq-http-sdk", as: slow)
            #expect(try await gateway.broker.topics(prefix: "").count == 2)
        }
    }

    @Test("who may only receive from a topic makes so many groups of it, and none of a queue that is somebody else's")
    func groupsByReceivers() async throws {
        try await GatewayProcess.with { gateway in
            let broker = gateway.broker
            for number in 1...100 { try await QueueGateway.makeGroup("G-\(number)", of: "shop", on: broker) }
            // Others that begin alike, and are none of the topic's.
            try await QueueGateway.makeGroup("G", of: "shop.news", on: broker)
            try await broker.declare(queue: "shop.payments")
            try await broker.send([Outgoing("a secret")], to: Queue<String>("shop.payments"))
            try await broker.publish([Outgoing(RawBody("heard"))], to: Topic<RawBody>("shop"))
            let permissions = ["receive:topics/shop", "receive:topics/nowhere"].compactMap { Permission($0) }
            let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
            let own = try await secret.makeKey(permissions: permissions, on: broker)
            try await gateway.run("groups_by_receivers", of: "rocketmq", with: "mq-http-sdk", as: own)
            #expect(try await broker.topics().allSatisfy { $0.queue != "shop.payments" })
            // A topic that is not there leaves no queue behind.
            #expect(try await broker.queues(prefix: "nowhere").isEmpty)
            #expect(try await broker.queues(prefix: "shop.").count == 102)
        }
    }

    @Test(
        "what is consumed in order and not acknowledged in time, all of it or a part, comes again in its order",
        arguments: ["orderly_redelivery", "orderly_in_part"])
    func orderlyRedelivery(_ function: String) async throws {
        try await GatewayProcess.with(["ORDERLY_REDELIVERY_TIME": "20s"]) { gateway in
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
