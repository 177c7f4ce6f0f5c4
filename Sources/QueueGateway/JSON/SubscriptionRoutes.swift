import HTTPTypes
import MessageQueue

/// Who hears a topic.
enum SubscriptionRoutes {
    private static let mostTags = 100

    /// How clients of MNS get the copies; here it is told, and the body stays as it was published.
    private enum Format: String, CaseIterable {
        case xml = "XML"
        case json = "JSON"
        case simplified = "SIMPLIFIED"
    }

    @Sendable static func list(_ call: JSONCall) async throws -> Answer {
        let topic = try call.topic(.read)
        var parameters = call.parameters
        let page = NamePage(&parameters)
        try parameters.end()
        let (entries, next) = try await page.collect(key: \.subscription.name) { _ in
            true
        } read: { after, limit in
            try await call.broker.subscriptions(of: topic, prefix: page.prefix, after: after, limit: limit)
        }
        return call.answer(.ok, ["subscriptions": .array(entries.map(document)), "next": .of(next)])
    }

    @Sendable static func get(_ call: JSONCall) async throws -> Answer {
        let topic = try call.topic(.read)
        try call.takeNothing()
        return call.answer(.ok, document(try await call.broker.subscription(try name(call), of: topic)))
    }

    @Sendable static func put(_ call: JSONCall) async throws -> Answer {
        let topic = try call.topic(.manage)
        try call.checkName()
        try call.takeNoParameters()
        let wish = try wish(call, topic)
        // Whoever lets a queue hear a topic fills it.
        try call.account.demand(.send, onQueue: wish.queueName)
        let isNew = try await call.broker.create(subscription: wish)
        if !isNew { try await change(to: wish, call) }
        return call.answer(
            isNew ? .created : .ok, document(try await call.broker.subscription(wish.name, of: topic)),
            location: isNew ? "/v1/topics/\(topic)/subscriptions/\(wish.name)" : nil)
    }

    private static func wish(_ call: JSONCall, _ topic: TopicName) throws -> Subscription {
        var fields = try call.fields()
        let queue = fields.text("queue", upTo: MessageLimits.nameCharacters)
        let tags = fields.texts("tags", atMost: mostTags, upTo: MessageLimits.tagBytes)
        let format = fields.word("format", of: Format.allCases)
        if !(queue?.canBeName ?? false) { fields.refuse("queue", "has to be the name of a queue") }
        try fields.end()
        return Subscription(
            call.names[1], of: topic, to: .queue(QueueName(queue ?? "")), tags: tags, format: format?.rawValue)
    }

    private static func change(to wish: Subscription, _ call: JSONCall) async throws {
        try await call.broker.change(subscription: wish.name, of: wish.topic) { subscription in
            guard subscription.address == nil else {
                throw Problem(
                    .fixedSetting, "\(wish.name) goes to a web server. Delete it first, or use another name.")
            }
            subscription.endpoint = wish.endpoint
            subscription.tags = wish.tags
            subscription.format = wish.format
        }
    }

    @Sendable static func delete(_ call: JSONCall) async throws -> Answer {
        let topic = try call.topic(.manage)
        try call.takeNothing()
        let name = try name(call)
        guard try await call.broker.delete(subscription: name, of: topic) else {
            throw QueueError.unknownSubscription(name, of: topic)
        }
        return call.answer(.noContent)
    }

    /// What can be no name is nobody's.
    private static func name(_ call: JSONCall) throws -> String {
        let name = call.names[1]
        guard name.canBeName else { throw Problem(.noSuchSubscription, "There is no such subscription.") }
        return name
    }

    @Sendable private static func document(_ entry: SubscriptionEntry) -> JSONText {
        let subscription = entry.subscription
        return [
            "name": .string(subscription.name), "topic": .of(subscription.topic),
            "queue": .of(subscription.goesTo), "endpoint": .of(subscription.address),
            "waiting": .boolean(subscription.address != nil), "tags": .of(subscription.tags),
            "format": .of(subscription.format), "createdAt": .of(entry.createdAt), "changedAt": .of(entry.changedAt),
        ]
    }
}

extension Subscription {
    /// Nil when it goes elsewhere.
    fileprivate var goesTo: QueueName? { if case .queue(let name) = endpoint { name } else { nil } }
    /// Nil when it goes to a queue.
    fileprivate var address: String? { if case .stored(let address) = endpoint { address } else { nil } }
    fileprivate var queueName: String { goesTo?.text ?? "" }
}
