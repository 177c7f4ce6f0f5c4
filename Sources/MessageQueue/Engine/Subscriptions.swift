import Postgres

extension Broker {
    /// Makes a subscription, unless its topic has one of this name, which then stays as it is.
    ///
    /// A message is heard by the subscriptions that are committed when it is published. Under an ``Operator`` it is recorded as what they
    /// did, if it is new; but not the address of an endpoint that is only noted, since it may hold a password.
    /// - Returns: whether it is new. Of several who make the same one at once, one is told so.
    /// - Throws: ``QueueError/unknownTopic(_:)``, ``QueueError/unknownQueue(_:)``, ``QueueError/invalidName(_:)``,
    ///   ``QueueError/beyondLimit(_:)``.
    public func create(subscription: Subscription) async throws -> Bool {
        try subscription.check()
        let labels = try Payloads.encode(headers: subscription.labels)
        let deed = Operator.current.map { Deed(.createSubscription, subscription.queue, subscription.told(), by: $0) }
        return try await writeLookingAgain(on: database) { session in
            try self.lock(subscription.topic, in: session)
            let queue = try subscription.queue.map { try self.catalogue.queue($0, in: session).id }
            let isNew =
                try session.execute(
                    Self.createSubscription, subscription.topic.text, queue, subscription.name, subscription.tags,
                    subscription.storedEndpoint, subscription.format, labels) == 1
            if isNew, let deed { try self.record(deed, in: session) }
            try self.catalogue.reload(in: session)
            return isNew
        }
    }

    /// How one subscription is set up.
    ///
    /// - Throws: ``QueueError/unknownTopic(_:)``, ``QueueError/unknownSubscription(_:of:)``.
    public func subscription(_ name: String, of topic: TopicName) async throws -> SubscriptionEntry {
        let found = try await database.read(Self.readSubscription, topic.text, name) { try SubscriptionEntry($0) }
        if let entry = found.first { return entry }
        _ = try await self.topic(topic)
        throw QueueError.unknownSubscription(name, of: topic)
    }

    /// The subscriptions of a topic whose names begin with `prefix`, in the order of their names' bytes.
    ///
    /// - Parameters:
    ///   - topic: whose subscriptions.
    ///   - prefix: empty for all.
    ///   - last: where to go on: the last name of the answer before; nil for the beginning.
    ///   - limit: the most that are told, 1 or more.
    /// - Throws: ``QueueError/unknownTopic(_:)``, ``QueueError/invalidArgument(_:)``.
    public func subscriptions(
        of topic: TopicName, prefix: String = "", after last: String? = nil, limit: Int = 1000
    ) async throws -> [SubscriptionEntry] {
        try QueueError.demand(limit: limit)
        let found = try await database.read(
            Self.listSubscriptions, topic.text, prefix, last ?? "", Int64(limit), row: { try SubscriptionEntry($0) })
        if found.isEmpty { _ = try await self.topic(topic) }
        return found
    }

    /// Changes a subscription: where it goes, its tags, format and labels.
    ///
    /// Guarantee: what `change` is given is how it is set up now, and nobody else changes it meanwhile. What is published from the
    /// commit on goes by it. Under an ``Operator`` it is recorded as what they did, with what is different; of labels with their names.
    /// - Parameters:
    ///   - name: the subscription.
    ///   - topic: whose subscription.
    ///   - change: in the transaction; it is called again when that has to be repeated.
    /// - Returns: how it is set up afterwards.
    /// - Throws: ``QueueError/unknownTopic(_:)``, ``QueueError/unknownSubscription(_:of:)``, ``QueueError/unknownQueue(_:)``,
    ///   ``QueueError/beyondLimit(_:)``, and what `change` throws; then nothing is changed.
    @discardableResult
    public func change(
        subscription name: String, of topic: TopicName,
        _ change: @escaping @Sendable (inout Subscription) throws -> Void
    ) async throws -> SubscriptionEntry {
        let someone = Operator.current
        return try await writeLookingAgain(on: database) { session in
            try self.lock(topic, in: session)
            let found = try session.query(Self.readSubscription, topic.text, name) { try SubscriptionEntry($0) }
            guard let old = found.first else { throw QueueError.unknownSubscription(name, of: topic) }
            var new = old.subscription
            try change(&new)
            if new == old.subscription { return old }
            if let someone {
                let detail = new.told(insteadOf: old.subscription)
                try self.record(Deed(.changeSubscription, new.queue, detail, by: someone), in: session)
            }
            // Whoever ends a subscription does not wait for the topic.
            guard let stored = try self.store(new, in: session) else {
                throw QueueError.unknownSubscription(name, of: topic)
            }
            return stored
        }
    }

    private func store(_ new: Subscription, in session: borrowing Session) throws -> SubscriptionEntry? {
        try new.check()
        let queue = try new.queue.map { try catalogue.queue($0, in: session).id }
        try session.execute(
            Self.changeSubscription, new.topic.text, queue, new.name, new.tags, new.storedEndpoint, new.format,
            try Payloads.encode(headers: new.labels))
        try catalogue.reload(in: session)
        return try session.query(Self.readSubscription, new.topic.text, new.name) { try SubscriptionEntry($0) }.first
    }

    /// Ends a subscription; what was published before is still delivered. Under an ``Operator`` it is recorded as what they did.
    ///
    /// - Returns: false when there was none.
    @discardableResult
    public func delete(subscription name: String, of topic: TopicName) async throws -> Bool {
        defer { catalogue.doubt() }
        let detail = ["topic": topic.text, "subscription": name]
        let deed = Operator.current.map { Deed(.deleteSubscription, nil, detail, by: $0) }
        return try await database.write { session in
            let isGone = try session.execute(Self.deleteSubscription, topic.text, name) == 1
            if isGone, let deed { try self.record(deed, in: session) }
            return isGone
        }
    }

    private static let subscriptionColumns = """
        t.name, s.name, q.name, s.endpoint, s.tags, s.format, s.labels, s.created_at, s.changed_at
        FROM mq.subscriptions s JOIN mq.topics t ON t.id = s.topic LEFT JOIN mq.queues q ON q.id = s.queue
        """
    static let readSubscription = Statement("SELECT \(subscriptionColumns) WHERE t.name = $1 AND s.name = $2")
    static let listSubscriptions = Statement(
        """
        SELECT \(subscriptionColumns) WHERE t.name = $1 AND starts_with(s.name, $2) AND s.name COLLATE "C" > $3
        ORDER BY s.name COLLATE "C" LIMIT $4
        """)
    /// Whether topic `t` has another subscription to queue `$2` already, under the topic's lock.
    private static let isAdditional = """
        EXISTS (SELECT FROM mq.subscriptions o WHERE o.topic = t.id AND o.queue = $2 AND o.name <> $3 AND NOT o.is_additional)
        """
    static let createSubscription = Statement(
        """
        INSERT INTO mq.subscriptions (topic, queue, name, tags, endpoint, format, labels, is_additional, mark)
        SELECT t.id, $2::int, $3::text, $4::text[], $5::text, $6::text, coalesce($7::text::jsonb, '{}'), other.is_there,
            mq.mark($3, $6, other.is_there)
        FROM mq.topics t, LATERAL (SELECT \(isAdditional) AS is_there) AS other WHERE t.name = $1
        ON CONFLICT (topic, name) DO NOTHING
        """)
    static let changeSubscription = Statement(
        """
        UPDATE mq.subscriptions s SET (queue, tags, endpoint, format, labels, is_additional, mark, changed_at) =
            ($2::int, $4::text[], $5::text, $6::text, coalesce($7::text::jsonb, '{}'), other.is_there,
             mq.mark($3, $6, other.is_there), now())
        FROM mq.topics t, LATERAL (SELECT \(isAdditional) AS is_there) AS other
        WHERE t.name = $1 AND s.topic = t.id AND s.name = $3::text
        """)
    static let deleteSubscription: Statement = """
        DELETE FROM mq.subscriptions s USING mq.topics t WHERE t.id = s.topic AND t.name = $1 AND s.name = $2
        """
}

extension Subscription {
    /// As the audit has it: what it is, and what is different from before.
    fileprivate func told(insteadOf old: Subscription? = nil) -> [String: String?] {
        let heard = tags?.joined(separator: ", ") ?? "all"
        let form = format ?? "none"
        return [
            "topic": topic.text, "subscription": name, "tags": tags == old?.tags ? nil : heard,
            "format": format == old?.format ? nil : form,
            "labels": old.flatMap { labels.names(differingFrom: $0.labels) },
        ]
    }
}

extension SubscriptionEntry {
    fileprivate init(_ row: borrowing Row) throws {
        let queue = try row[2, as: String?.self].map { Subscription.Endpoint.queue(QueueName($0)) }
        let endpoint = try queue ?? .stored(row[3])
        subscription = Subscription(
            try row[1], of: TopicName(try row[0]), to: endpoint, tags: try row[4], format: try row[5],
            labels: Payloads.decode(headers: try row[6]))
        createdAt = try row[7]
        changedAt = try row[8]
    }
}
