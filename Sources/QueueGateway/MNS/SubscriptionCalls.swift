import HTTPTypes
import Logging
import MessageQueue

/// Subscribe, SetSubscriptionAttributes, GetSubscriptionAttributes, ListSubscriptionByTopic, Unsubscribe.
struct SubscriptionCalls: NamedCalls {
    private let backend: Backend
    private let account: Account
    private let topic: TopicName
    private var broker: Broker { backend.broker }

    /// - Throws: ``Refusal`` for a name that no topic can have.
    init(_ backend: Backend, _ account: Account, topic: String) throws {
        guard topic.canBeName else { throw Refusal.noSuchTopic(topic) }
        self.backend = backend
        self.account = account
        self.topic = TopicName(topic)
    }

    func check(_ name: String) throws {
        guard name.canBeName else {
            throw Refusal(.noSuchSubscription, "The topic \(topic) has no subscription \(name).")
        }
    }

    /// Whoever lets a queue hear a topic makes others send to it, so that has to be allowed as well.
    func create(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.manage, onTopic: topic.text)
        try MNSName.checkSubscription(name)
        _ = try await broker.topic(topic)
        let wish = try SubscriptionAttributes(call.body)
        let subscription = try wish.subscription(name, of: topic)
        if case .queue(let queue) = subscription.endpoint { try account.demand(.send, onQueue: queue.text) }
        let location = "/topics/\(topic)/subscriptions/\(name)"
        if try await create(subscription) {
            tellOfWaiting(subscription)
            return call.mns(.created, location: location)
        }
        let present = try await broker.subscription(name, of: topic).subscription
        guard wish.agree(with: SubscriptionAttributes(present)) else {
            throw Refusal(.subscriptionExists, "The topic \(topic) has a subscription \(name) with other attributes.")
        }
        return call.mns(.noContent, location: location)
    }

    private func create(_ subscription: Subscription) async throws -> Bool {
        do { return try await broker.create(subscription: subscription) } catch QueueError.unknownQueue(let queue) {
            throw Refusal(.invalidEndpoint, "There is no queue \(queue), which the Endpoint names.")
        }
    }

    private func tellOfWaiting(_ subscription: Subscription) {
        guard case .stored(let address) = subscription.endpoint else { return }
        backend.logger.warning(
            "a subscription to a web server is noted, and nothing is pushed there: what is published meanwhile it does not hear",
            metadata: ["topic": "\(topic)", "subscription": "\(subscription.name)", "endpoint": "\(address.origin)"])
    }

    /// Of all that is told only the strategy may be another one than it is.
    func set(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.manage, onTopic: topic.text)
        _ = try await broker.subscription(name, of: topic)
        let wish = try SubscriptionAttributes(call.body)
        try await broker.change(subscription: name, of: topic) { subscription in
            if let strategy = wish.strategy { subscription.strategy = strategy }
            guard wish.agree(with: SubscriptionAttributes(subscription)) else {
                throw Refusal(.invalidArgument, "Nothing but the NotifyStrategy of a subscription can be changed.")
            }
        }
        return call.mns(.noContent)
    }

    func get(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.read, onTopic: topic.text)
        return call.mns(.ok, Self.element(try await broker.subscription(name, of: topic)))
    }

    func list(_ call: Call) async throws -> Answer {
        try account.demand(.read, onTopic: topic.text)
        let page = try ListPage(call)
        let found = try await broker.subscriptions(
            of: topic, prefix: page.prefix, after: page.after, limit: page.limit + 1)
        return call.mns(
            .ok,
            page.element("Subscriptions", found, key: \.subscription.name) { entry in
                let path = "/topics/\(topic)/subscriptions/\(entry.subscription.name)"
                return XMLElement("Subscription", [XMLElement("SubscriptionURL", call.head.endpoint + path)])
            })
    }

    func delete(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.manage, onTopic: topic.text)
        try await broker.delete(subscription: name, of: topic)
        return call.mns(.noContent)
    }

    /// All that clients miss; and, in an element of our own, whether nothing is delivered so far.
    private static func element(_ entry: SubscriptionEntry) -> XMLElement {
        let attributes = SubscriptionAttributes(entry.subscription)
        let tag = attributes.tag.flatMap { $0.isEmpty || !$0.canStandInXML ? nil : $0 }
        return XMLElement(
            "Subscription",
            [
                XMLElement("TopicOwner", MNS.owner), XMLElement("TopicName", entry.subscription.topic.text),
                XMLElement("Subscriber", MNS.owner), XMLElement("SubscriptionName", entry.subscription.name),
                XMLElement("Endpoint", attributes.endpoint?.text ?? ""),
                XMLElement("NotifyStrategy", (attributes.strategy ?? .backoffRetry).rawValue),
                XMLElement("NotifyContentFormat", (attributes.format ?? .simplified).rawValue),
                tag.map { XMLElement("FilterTag", $0) },
                XMLElement("CreateTime", entry.createdAt.wholeSeconds),
                XMLElement("LastModifyTime", entry.changedAt.wholeSeconds),
                attributes.endpoint?.isWaiting == true ? XMLElement("State", "WAITING") : nil,
            ])
    }
}
