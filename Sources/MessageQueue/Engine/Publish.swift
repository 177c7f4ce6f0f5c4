public import Postgres

extension Broker {
    /// Stores messages in the queue of every subscription of a topic that matches their tags, in the caller's transaction.
    ///
    /// Guarantee: each matching subscription gets each message exactly once, or, if the transaction rolls back, none does.
    /// A topic that nobody has subscribed to swallows what it is told. All copies carry the same message id.
    /// Delays are not possible here: a ``Outgoing/delay`` other than zero is refused.
    public func publish<P>(_ messages: [Outgoing<P>], to topic: Topic<P>, in session: borrowing Session) throws {
        let listeners = try catalogue.listeners(of: topic.name, in: session)
        guard messages.allSatisfy({ $0.delay <= .zero }) else {
            throw QueueError.invalidSettings("messages to a topic can't be delayed; delay the step that hears them")
        }
        guard !messages.isEmpty else { return }
        let packed = try messages.map { try Packed($0) }
        session.queue(
            Self.fanOut, topic.name.text, packed.map(\.id.uuid), packed.map(\.key), packed.map(\.tag),
            packed.map(\.headers), packed.map(\.body))
        ring(listeners, after: session)
    }

    /// Publishes in a transaction of its own.
    public func publish<P>(_ messages: [Outgoing<P>], to topic: Topic<P>) async throws {
        try await database.write { try self.publish(messages, to: topic, in: $0) }
    }

    /// Who hears what is decided by the statement's own snapshot. One lane of each queue that hears something is locked
    /// until the transaction ends; copies for queues without a free lane are parked.
    static let fanOut: Statement = """
        WITH heard AS MATERIALIZED (
            SELECT s.queue, m.*, row_number() OVER (PARTITION BY s.queue ORDER BY m.n) AS place
            FROM mq.topics t JOIN mq.subscriptions s ON s.topic = t.id
            JOIN unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[])
                WITH ORDINALITY AS m(id, key, tag, headers, body, n) ON s.tags IS NULL OR m.tag = ANY (s.tags)
            WHERE t.name = $1),
        base AS MATERIALIZED (
            SELECT q.queue, lane.lane, lane.last
            FROM (SELECT DISTINCT queue FROM heard) AS q, LATERAL mq.take_lane(q.queue) AS lane),
        parked AS MATERIALIZED (
            SELECT count(mq.park(h.queue, 1::smallint, h.id, now(), $1, h.key, h.tag, h.headers, h.body)) AS count
            FROM base JOIN heard h USING (queue) WHERE base.lane IS NULL)
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
        SELECT base.last + h.place, h.queue, base.lane, 1, h.id, now(), $1, h.key, h.tag, h.headers, h.body
        FROM base JOIN heard h USING (queue)
        WHERE base.lane IS NOT NULL AND (SELECT count FROM parked) >= 0
        """
}
