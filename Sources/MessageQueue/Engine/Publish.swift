import Durations
public import Postgres

extension Broker {
    /// Stores messages in the queue of every subscription of a topic that matches their tags, in the caller's transaction.
    ///
    /// Guarantee: each matching subscription gets each message exactly once, or, if the transaction rolls back, none does.
    /// A topic that nobody has subscribed to swallows what it is told. All copies carry the same message id.
    /// Each queue's own ``QueueSettings/delay`` counts, and no other: a ``Outgoing/delay`` of more than zero is refused. For one
    /// that counts for all of them see ``publish(_:to:after:in:)``.
    /// - Throws: ``QueueError/unknownTopic(_:)``, ``QueueError/delayRefused(_:queue:)``, the error of encoding a payload, or
    ///   ``QueueError/beyondLimit(_:)``.
    public func publish<P>(_ messages: [Outgoing<P>], to topic: Topic<P>, in session: borrowing Session) throws {
        let listeners = try catalogue.listeners(of: topic.name, in: session)
        try Self.refuseDelays(of: messages)
        guard !messages.isEmpty else { return }
        publish(try messages.map { try Packed($0) }, to: topic.name, heardBy: listeners, in: session)
    }

    private static func refuseDelays<P>(of messages: [Outgoing<P>]) throws {
        if let message = messages.first(where: { $0.delay ?? .zero > .zero }) {
            throw QueueError.delayRefused(message.id, queue: nil)
        }
    }

    /// - Throws: ``QueueError/unknownTopic(_:)``.
    func publish(_ messages: [Packed], to topic: TopicName, in session: borrowing Session) throws {
        publish(messages, to: topic, heardBy: try catalogue.listeners(of: topic, in: session), in: session)
    }

    /// In parcels, each one statement.
    ///
    /// - Parameter listeners: whom to ring.
    func publish(
        _ messages: [Packed], to topic: TopicName, heardBy listeners: [Int32], in session: borrowing Session
    ) {
        for parcel in messages.parcels(weighing: \.weight) {
            session.pipeline(
                Self.fanOut, topic.text, parcel.map(\.id.uuid), parcel.given(\.key), parcel.given(\.tag),
                parcel.given(\.headers), parcel.map(\.body), parcel.map(\.priority.code))
        }
        ring(listeners, after: session)
    }

    /// Publishes messages, and returns once they are committed for whoever hears them: all of them, or, when it throws,
    /// none.
    ///
    /// Small calls that are under way at the same time share a transaction, as sends do, unless a queue that keeps order
    /// hears the topic, or very many queues do; a lone one is committed at once. Each fails for reasons of its own only.
    /// - Throws: as ``publish(_:to:in:)``.
    public func publish<P>(_ messages: [Outgoing<P>], to topic: Topic<P>) async throws {
        guard !messages.isEmpty, let listeners = catalogue.knownListeners(of: topic.name) else {
            return try await writeLookingAgain(on: database) { try self.publish(messages, to: topic, in: $0) }
        }
        try Self.refuseDelays(of: messages)
        let packed = try messages.map { try Packed($0) }
        guard PublishTogether.mayHold(packed, heardBy: listeners) else {
            return try await writeLookingAgain(on: database) { try self.publish(packed, to: topic.name, in: $0) }
        }
        try await publishedTogether.submit(.init(broker: self, topic: topic.name, messages: packed))
    }

    /// See `mq.publish`: takes a lane of every queue that hears the topic, by the statement's own snapshot, and appends to all of
    /// them at once, after the last place of each, which the primary key of the head segment carries.
    static let fanOut: Statement = "SELECT mq.publish($1, $2, $3, $4, $5, $6, $7)"
}

extension Broker {
    /// Publishes messages that nobody is given before a delay has passed, in the caller's transaction.
    ///
    /// Guarantee: as that of ``publish(_:to:in:)``, for the subscriptions that are committed now. The delay counts instead of the queues'
    /// own. In a queue that keeps order such a copy has no key, and so is in no order: nobody waits for it, and it waits for nobody. Until
    /// it is due it is scheduled in its queue, see ``scheduled(in:after:limit:)``. Costs a round trip.
    /// - Parameters:
    ///   - messages: each without a ``Outgoing/delay`` of its own.
    ///   - topic: who hears it.
    ///   - delay: from nothing to ``MessageLimits/delay``.
    ///   - session: the caller's transaction.
    /// - Throws: as that, and ``QueueError/beyondLimit(_:)`` for the delay.
    public func publish<P>(
        _ messages: [Outgoing<P>], to topic: Topic<P>, after delay: Duration, in session: borrowing Session
    ) throws {
        try MessageLimits.check(.delay, delay)
        try Self.refuseDelays(of: messages)
        let packed = try messages.map { try Packed($0) }
        for parcel in packed.parcels(weighing: \.weight) {
            let heard = try session.query(
                Self.publishLater, topic.name.text, parcel.map(\.id.uuid), parcel.map(\.key), parcel.map(\.tag),
                parcel.map(\.headers), parcel.map(\.body), parcel.map(\.priority.code), delay.withinLimits.inSeconds
            ) { row in try row[0, as: [Int32].self] }
            guard let queues = heard.first else { throw QueueError.unknownTopic(topic.name) }
            ring(queues, after: session)
        }
    }

    /// As ``publish(_:to:after:in:)``, in a transaction of its own.
    public func publish<P>(_ messages: [Outgoing<P>], to topic: Topic<P>, after delay: Duration) async throws {
        try await writeLookingAgain(on: database) { try self.publish(messages, to: topic, after: delay, in: $0) }
    }

    /// Tells the queues that hear the topic, or nothing where there is no such topic. What is of a queue that is being deleted waits for
    /// that, and finds it gone: see `mq.empty_queue`.
    static let publishLater: Statement = """
        WITH heard AS (
            INSERT INTO mq.scheduled (due_at, queue, level, attempt, id, sent_at, topic, key, tag, headers, body)
            SELECT now() + make_interval(secs => $8), q.id, (m.priority - 1) * q.levels / 16, 1,
                CASE WHEN s.mark ? 'mq.message' THEN mq.copy_id(m.id, s.mark ->> 'mq.subscription') ELSE m.id END, now(), t.name,
                CASE WHEN q.key_order IS NULL THEN m.key END, m.tag,
                CASE WHEN s.mark IS NULL THEN m.headers ELSE mq.marked(m.headers, s.mark, m.id) END, m.body
            FROM mq.topics t JOIN mq.subscriptions s ON s.topic = t.id JOIN mq.queues q ON q.id = s.queue
            JOIN unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[], $7::smallint[])
                AS m(id, key, tag, headers, body, priority) ON s.tags IS NULL OR m.tag = ANY (s.tags)
            WHERE t.name = $1
            RETURNING queue)
        SELECT ARRAY(SELECT DISTINCT queue FROM heard) FROM mq.topics WHERE name = $1
        """
}
