import Postgres

/// A topic, and a queue that hears it.
public struct TopicEntry: Sendable, Codable {
    /// The topic.
    public let topic: TopicName
    /// The queue that hears it; nil when nobody has subscribed.
    public let queue: QueueName?
    /// Which messages it hears: those that carry one of these; nil hears everything.
    public let tags: [String]?

    fileprivate func hears(_ tag: String?) -> Bool {
        guard let tags else { return true }
        return tag.map { tags.contains($0) } ?? false
    }
}

extension Broker {
    /// Every topic with the queues that hear it, by name. How topics are set up tells ``topics(prefix:after:limit:)``.
    public func topics() async throws -> [TopicEntry] {
        try await database.query(Self.topics) { row in
            TopicEntry(
                topic: TopicName(try row[0]), queue: try row[1, as: String?.self].map { QueueName($0) },
                tags: try row[2])
        }
    }

    /// The queues that would get a message now that is published to this topic with this tag, each once, by name.
    ///
    /// - Throws: ``QueueError/unknownTopic(_:)``.
    public func hearers(of topic: TopicName, tag: String?) async throws -> [QueueName] {
        let entries = try await topics().filter { $0.topic == topic }
        guard !entries.isEmpty else { throw QueueError.unknownTopic(topic) }
        let queues = entries.filter { $0.hears(tag) }.compactMap(\.queue)
        return Set(queues).sorted { $0.text < $1.text }
    }

    static let topics: Statement = """
        SELECT t.name, q.name, s.tags FROM mq.topics t
        LEFT JOIN (mq.subscriptions s JOIN mq.queues q ON q.id = s.queue) ON s.topic = t.id
        ORDER BY t.name, q.name, s.name
        """
}
