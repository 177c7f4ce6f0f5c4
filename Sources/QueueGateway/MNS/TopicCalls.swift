import HTTPTypes
import MessageQueue

/// CreateTopic, SetTopicAttributes, GetTopicAttributes, ListTopic, DeleteTopic; publishing stands in a file of its own.
struct TopicCalls: NamedCalls {
    let backend: Backend
    let account: Account
    var broker: Broker { backend.broker }

    init(_ backend: Backend, _ account: Account) {
        self.backend = backend
        self.account = account
    }

    func check(_ name: String) throws {
        guard name.canBeName else { throw Refusal.noSuchTopic(name) }
    }

    func create(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.manage, onTopic: name)
        try MNSName.checkTopic(name)
        let wish = try TopicAttributes(call.body)
        var labels: [String: String] = [:]
        wish.set(&labels)
        let location = "/topics/\(name)"
        if try await broker.create(topic: TopicName(name), labels: labels) {
            return call.mns(.created, location: location)
        }
        guard wish.agree(with: TopicAttributes(try await broker.topic(TopicName(name)))) else {
            throw Refusal(.topicExists, "There is a topic \(name) with other attributes.")
        }
        return call.mns(.noContent, location: location)
    }

    func set(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.manage, onTopic: name)
        _ = try await broker.topic(TopicName(name))
        let wish = try TopicAttributes(call.body)
        // Whatever is heard of it.
        defer { backend.topics.forget(TopicName(name)) }
        try await broker.change(topic: TopicName(name)) { wish.set(&$0.labels) }
        return call.mns(.noContent)
    }

    func get(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.read, onTopic: name)
        return call.mns(.ok, XMLElement("Topic", Self.fields(of: try await broker.topic(TopicName(name)))))
    }

    func delete(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.manage, onTopic: name)
        defer { backend.topics.forget(TopicName(name)) }
        try await broker.delete(topic: TopicName(name))
        return call.mns(.noContent)
    }

    func list(_ call: Call) async throws -> Answer {
        let page = try ListPage(call)
        let found = try await page.collect(key: \.topic.text) { topic in
            account.mayUse(.read, on: "topics/\(topic.topic)")
        } read: { after, limit in
            try await broker.topics(prefix: page.prefix, after: after.map { TopicName($0) }, limit: limit)
        }
        return call.mns(
            .ok,
            page.element("Topics", found, key: \.topic.text) { topic in
                let url = XMLElement("TopicURL", "\(call.head.endpoint)/topics/\(topic.topic)")
                return XMLElement("Topic", [url] + (page.withMeta ? Self.fields(of: topic) : []))
            })
    }

    /// A day, as the service says of every topic.
    private static let retention = 86_400

    /// All seven: clients miss each that is left out. A topic holds nothing: what is published is in the queues at once.
    private static func fields(of topic: TopicSetup) -> [XMLElement] {
        let attributes = TopicAttributes(topic)
        return [
            XMLElement("TopicName", topic.topic.text),
            XMLElement("CreateTime", topic.createdAt.wholeSeconds),
            XMLElement("LastModifyTime", topic.changedAt.wholeSeconds),
            XMLElement("MaximumMessageSize", attributes.maximumMessageSize ?? 0),
            XMLElement("MessageRetentionPeriod", retention),
            XMLElement("MessageCount", 0),
            XMLElement("LoggingEnabled", attributes.loggingEnabled == true ? "True" : "False"),
        ]
    }
}
