/// What hears a topic, under a name of its own.
///
/// Each subscription that goes to a queue gives it a copy of each matching message, so a queue with two subscriptions of one topic gets
/// two. The copy of the first one has the message's own id; that of any further one has an id that follows from the message's and the
/// subscription's name.
public struct Subscription: Sendable, Equatable {
    /// Where copies of a message go.
    public enum Endpoint: Sendable, Hashable {
        /// Into this queue.
        case queue(QueueName)
        /// To something that is noted, and to which nothing is delivered so far.
        case stored(String)
    }

    /// The topic.
    public let topic: TopicName
    /// A letter or digit first, then letters, digits, `.`, `_` and `-`; 255 characters at most. Those of a topic differ.
    public let name: String
    /// Where copies go.
    public var endpoint: Endpoint
    /// Which messages are heard: those that carry one of these; nil hears everything.
    public var tags: [String]?
    /// In what form whoever receives the copies wants to hand them on, in a word of his own. To the engine it means nothing: the body
    /// stays as it was published, and the headers of the copies tell of it, see ``Message/subscription``.
    public var format: String?
    /// What programs note of the subscription for themselves; to the engine it means nothing. ``MessageLimits/headerBytes`` at most.
    public var labels: [String: String]

    /// A subscription that is not made yet, see ``Broker/create(subscription:)``. It hears everything, unless more is said.
    public init(
        _ name: String, of topic: TopicName, to endpoint: Endpoint, tags: [String]? = nil, format: String? = nil,
        labels: [String: String] = [:]
    ) {
        self.topic = topic
        self.name = name
        self.endpoint = endpoint
        self.tags = tags
        self.format = format
        self.labels = labels
    }
}

extension Message {
    /// The subscription by which the message came into its queue, and its format: where one is given, or where its queue has several
    /// subscriptions of the topic; else nil.
    public var subscription: (name: String, format: String?)? {
        headers[Self.subscriptionHeader].map { ($0, headers[Self.formatHeader]) }
    }

    /// The id that the message was published with: another one than ``id`` in copies for the further subscriptions of a queue.
    public var publishedID: MessageID { headers[Self.messageHeader].flatMap { MessageID($0) } ?? id }

    private static let subscriptionHeader = "mq.subscription"
    private static let formatHeader = "mq.format"
    private static let messageHeader = "mq.message"
}

extension Subscription {
    /// - Throws: ``QueueError/invalidName(_:)``, ``QueueError/beyondLimit(_:)``.
    func check() throws {
        guard name.canBeName else { throw QueueError.invalidName(name) }
        for tag in tags ?? [] { try MessageLimits.check(tag: tag) }
        var texts = labels
        if let format { texts["format"] = format }
        if case .stored(let text) = endpoint { texts["endpoint"] = text }
        try MessageLimits.check(labels: texts)
    }

    var storedEndpoint: String? { if case .stored(let text) = endpoint { text } else { nil } }
    var queue: QueueName? { if case .queue(let name) = endpoint { name } else { nil } }
}
