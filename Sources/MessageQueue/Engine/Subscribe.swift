import Postgres

extension Broker {
    /// Lets a queue hear a topic: everything, or, with tags, only what carries one of them.
    ///
    /// A message is heard by the subscriptions that are committed when it is published. Subscribing again replaces the tags. The
    /// subscription has the name of the queue, see ``SubscriptionEntry``. Under an ``Operator`` it is recorded as what they did.
    /// - Throws: ``QueueError/invalidArgument(_:)`` when the topic has a subscription of this name that goes elsewhere,
    ///   ``QueueError/unknownQueue(_:)``, ``QueueError/unknownTopic(_:)``, or ``QueueError/beyondLimit(_:)`` for a tag that no message
    ///   can have.
    public func subscribe(_ queue: QueueName, to topic: TopicName, tags: [String]? = nil) async throws {
        for tag in tags ?? [] { try MessageLimits.check(tag: tag) }
        let detail: [String: String?] = ["topic": topic.text, "tags": tags?.joined(separator: ", ")]
        let deed = Operator.current.map { Deed(.subscribe, queue, detail, by: $0) }
        try await writeLookingAgain(on: database) { session in
            let entry = try self.catalogue.queue(queue, in: session)
            try self.lock(topic, in: session)
            if try session.execute(Self.subscribe, topic.text, entry.id, tags) == 0 {
                throw QueueError.invalidArgument("the subscription \(queue) of topic \(topic) goes elsewhere")
            }
            if let deed { try self.record(deed, in: session) }
            try self.catalogue.reload(in: session)
        }
    }

    /// Ends what ``subscribe(_:to:tags:)`` began; what was published before is still delivered. Under an ``Operator`` it is recorded as
    /// what they did.
    ///
    /// - Returns: false when there was none.
    @discardableResult
    public func unsubscribe(_ queue: QueueName, from topic: TopicName) async throws -> Bool {
        defer { catalogue.doubt() }
        let deed = Operator.current.map { Deed(.unsubscribe, queue, ["topic": topic.text], by: $0) }
        return try await database.write { session in
            let isGone = try session.execute(Self.unsubscribe, topic.text, queue.text) > 0
            if isGone, let deed { try self.record(deed, in: session) }
            return isGone
        }
    }

    static let subscribe: Statement = """
        INSERT INTO mq.subscriptions AS s (topic, queue, name, tags, is_additional, mark)
        SELECT t.id, q.id, q.name, $3, other.is_there, mq.mark(q.name, NULL, other.is_there)
        FROM mq.topics t, mq.known_queue($2) q, LATERAL (
            SELECT EXISTS (SELECT FROM mq.subscriptions o WHERE o.topic = t.id AND o.queue = q.id AND o.name <> q.name
                AND NOT o.is_additional) AS is_there) AS other
        WHERE t.name = $1
        ON CONFLICT (topic, name) DO UPDATE SET tags = excluded.tags, changed_at = now() WHERE s.queue = excluded.queue
        """
    static let unsubscribe: Statement = """
        DELETE FROM mq.subscriptions s USING mq.topics t, mq.queues q
        WHERE t.id = s.topic AND q.id = s.queue AND t.name = $1 AND q.name = $2 AND s.name = $2
        """
}
