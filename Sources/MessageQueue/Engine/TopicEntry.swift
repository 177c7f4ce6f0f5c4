import Postgres

/// A topic, and a queue that hears it.
public struct TopicEntry: Sendable, Codable {
    /// The topic.
    public let topic: TopicName
    /// The queue that hears it; nil when nobody has subscribed.
    public let queue: QueueName?
    /// Which messages it hears: those that carry one of these; nil hears everything.
    public let tags: [String]?
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

    static let topics: Statement = """
        SELECT t.name, q.name, s.tags FROM mq.topics t
        LEFT JOIN (mq.subscriptions s JOIN mq.queues q ON q.id = s.queue) ON s.topic = t.id
        ORDER BY t.name, q.name, s.name
        """
}
