import MessageQueue
import QueueGateway
import Testing

extension VendorClientTests {
    @Test(
        "what a key makes, changes and deletes is recorded as its deed, in MNS and in JSON, and what it only uses is not"
    )
    func deeds() async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.run("deeds", of: "mns_topics", with: "aliyun-mns-sdk")
            let told = try await gateway.deeds()
            let deletions: [OperatorAction.Verb] = [.deleteSubscription, .deleteTopic, .deleteQueue]
            let mns: [OperatorAction.Verb] = [
                .createTopic, .createQueue, .changeTopic, .changeQueue, .createSubscription, .changeSubscription,
            ]
            let json: [OperatorAction.Verb] = [
                .createTopic, .createQueue, .changeQueue, .createSubscription, .changeSubscription,
            ]
            #expect(told.map(\.verb) == mns + deletions + json + deletions)
            #expect(told[2].detail == ["topic": "news", "labels": "gateway.maximum-message-size"])
            #expect(told[3].queue == "heard" && told[3].detail["labels"] == "gateway.polling-wait")
        }
    }

    @Test("the topic and the group that a consumer of RocketMQ makes by asking for messages are recorded as its deed")
    func deedsOfConsumers() async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.run("publish_and_consume", of: "rocketmq", with: "mq-http-sdk")
            let told = try await gateway.deeds()
            #expect(told.map(\.verb) == [.createTopic, .createQueue, .subscribe])
            #expect(told.map(\.queue) == [nil, "MQ_INST_1.orders.GID-1", "MQ_INST_1.orders.GID-1"])
        }
    }
}

extension GatewayProcess {
    /// What was done with the key of the tests, in its order.
    fileprivate func deeds() async throws -> [OperatorAction] {
        try await broker.operatorActions().filter { $0.by == Operator(credentials.id, via: "gateway") }.reversed()
    }
}
