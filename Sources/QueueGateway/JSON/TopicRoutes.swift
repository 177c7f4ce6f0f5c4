import HTTPTypes
import MessageQueue

/// Topics.
enum TopicRoutes {
    @Sendable static func list(_ call: JSONCall) async throws -> Answer {
        var parameters = call.parameters
        let page = NamePage(&parameters)
        try parameters.end()
        let (entries, next) = try await page.collect(key: \.topic.text) { entry in
            call.account.mayUse(.read, on: "topics/\(entry.topic)")
        } read: { after, limit in
            try await call.broker.topics(prefix: page.prefix, after: after.map { TopicName($0) }, limit: limit)
        }
        return call.answer(.ok, ["topics": .array(entries.map(document)), "next": .of(next)])
    }

    @Sendable static func get(_ call: JSONCall) async throws -> Answer {
        let topic = try call.topic(.read)
        try call.takeNothing()
        return call.answer(.ok, document(try await call.broker.topic(topic)))
    }

    @Sendable static func put(_ call: JSONCall) async throws -> Answer {
        try call.account.demand(.manage, onTopic: call.names[0])
        try call.checkName()
        try call.takeNothing()
        let topic = TopicName(call.names[0])
        let isNew = try await call.broker.create(topic: topic)
        return call.answer(
            isNew ? .created : .ok, document(try await call.broker.topic(topic)),
            location: isNew ? "/v1/topics/\(topic)" : nil)
    }

    @Sendable static func delete(_ call: JSONCall) async throws -> Answer {
        let topic = try call.topic(.manage)
        try call.takeNothing()
        defer { call.backend.topics.forget(topic) }
        guard try await call.broker.delete(topic: topic) else { throw Refusal.noSuchTopic(topic.text) }
        return call.answer(.noContent)
    }

    @Sendable private static func document(_ topic: TopicSetup) -> JSONText {
        [
            "name": .string(topic.topic.text), "droppedHalfMessages": .integer(topic.droppedHalfMessages),
            "createdAt": .of(topic.createdAt), "changedAt": .of(topic.changedAt),
        ]
    }
}
