public import Postgres

extension Broker {
    /// Stores messages in a queue, in the caller's transaction: they exist if and only if it commits.
    ///
    /// Guarantee: once the commit is acknowledged, no message is lost. Never waits for other senders, except in a queue that
    /// keeps order (see ``KeyOrder``). Costs no round trip of its own: the statement travels with the transaction's next
    /// one, or its commit.
    /// - Throws: ``QueueError/unknownQueue(_:)``, the error of encoding a payload, or ``QueueError/invalidSettings(_:)`` for
    ///   a delay in a queue that keeps order.
    public func send<P>(_ messages: [Outgoing<P>], to queue: Queue<P>, in session: borrowing Session) throws {
        let entry = try catalogue.queue(queue.name, in: session)
        try send(messages.map { try Packed($0) }, to: entry, in: session)
    }

    /// Stores messages in a queue, in a transaction of their own.
    public func send<P>(_ messages: [Outgoing<P>], to queue: Queue<P>) async throws {
        try await database.write { try self.send(messages, to: queue, in: $0) }
    }

    /// Stores one message in a queue, in a transaction of its own, and answers its id.
    @discardableResult
    public func send<P>(_ payload: P, to queue: Queue<P>, key: String? = nil) async throws -> MessageID {
        let message = Outgoing(payload, key: key)
        try await send([message], to: queue)
        return message.id
    }

    func send(_ messages: [Packed], to entry: Catalogue.Entry, in session: borrowing Session) throws {
        let (due, delayed) = messages.partitioned { $0.delay <= .zero }
        guard delayed.isEmpty || entry.order == nil else {
            throw QueueError.invalidSettings("queue \(entry.name) keeps order, so nothing sent to it can be delayed")
        }
        if !due.isEmpty {
            if entry.sortsMessages {
                appendSorted(due, to: entry, in: session)
            } else {
                append(due, to: entry, in: session)
            }
        }
        if !delayed.isEmpty {
            session.queue(
                Self.deferNew, entry.id, delayed.map(\.id.uuid), delayed.map(\.key), delayed.map(\.tag),
                delayed.map(\.headers), delayed.map(\.body), delayed.map(\.delay.inSeconds),
                delayed.map { entry.level(of: $0.priority) })
        }
        ring([entry.id], after: session)
    }

    private func append(_ messages: [Packed], to entry: Catalogue.Entry, in session: borrowing Session) {
        session.queue(
            Self.append, entry.id, messages.map(\.id.uuid), messages.map(\.key), messages.map(\.tag),
            messages.map(\.headers), messages.map(\.body))
    }

    private func appendSorted(_ messages: [Packed], to entry: Catalogue.Entry, in session: borrowing Session) {
        session.queue(
            Self.appendSorted, entry.id, messages.map(\.id.uuid), messages.map(\.key), messages.map(\.tag),
            messages.map(\.headers), messages.map(\.body), messages.map(\.priority.rawValue))
    }

    /// Locks a lane for writing until the transaction ends (see `mq.take_lane`) and appends after its last place, which
    /// the primary key of the head segment carries. Without a free lane the messages are parked among the deferred ones.
    static let append: Statement = """
        WITH base AS MATERIALIZED (SELECT * FROM mq.take_lane($1, 0, NULL)),
        parked AS MATERIALIZED (
            SELECT count(mq.park($1, 0::smallint, 1::smallint, m.id, now(), NULL, m.key, m.tag, m.headers, m.body)) AS count
            FROM base, unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[]) AS m(id, key, tag, headers, body)
            WHERE base.lane IS NULL)
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, key, tag, headers, body)
        SELECT base.last + m.n, $1, base.lane, 1, m.id, now(), m.key, m.tag, m.headers, m.body
        FROM base, unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[])
            WITH ORDINALITY AS m(id, key, tag, headers, body, n)
        WHERE base.lane IS NOT NULL AND (SELECT count FROM parked) >= 0
        """

    /// As ``append``, for queues in which the lane depends on the message.
    static let appendSorted = appending(
        """
        SELECT q.id AS queue, least(m.priority, q.levels - 1) AS level, \(share) AS share, m.*, NULL::text AS topic
        FROM mq.queues q, unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[], $7::smallint[])
            WITH ORDINALITY AS m(id, key, tag, headers, body, priority, n)
        WHERE q.id = $1
        """)

    /// The share of the keys that decides on the lane in a queue that keeps order; -1 for any lane.
    static let share =
        "CASE WHEN q.key_order IS NULL THEN -1 ELSE mq.shard(coalesce(m.key, m.id::text), q.lanes)::int END"

    /// Appends the rows of `heard`, each to the lane that its queue, level and share ask for. One lane of each is locked until
    /// the transaction ends, in their order, so that two senders wait for each other in one direction only; rows that are
    /// bound to no lane are parked when all are taken.
    static func appending(_ heard: String) -> Statement {
        Statement(
            """
            WITH heard AS MATERIALIZED (\(heard)),
            numbered AS MATERIALIZED (
                SELECT h.*, row_number() OVER (PARTITION BY h.queue, h.level, h.share ORDER BY h.n) AS place FROM heard h),
            base AS MATERIALIZED (
                SELECT t.queue, t.level, t.share, lane.lane, lane.last
                FROM (SELECT DISTINCT queue, level, share FROM heard ORDER BY queue, level, share) AS t,
                    LATERAL mq.take_lane(t.queue, t.level, nullif(t.share, -1)) AS lane),
            parked AS MATERIALIZED (
                SELECT count(mq.park(h.queue, h.level::smallint, 1::smallint, h.id, now(), h.topic, h.key, h.tag, h.headers, h.body))
                    AS count
                FROM base JOIN numbered h USING (queue, level, share) WHERE base.lane IS NULL)
            INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
            SELECT base.last + h.place, h.queue, base.lane, 1, h.id, now(), h.topic, h.key, h.tag, h.headers, h.body
            FROM base JOIN numbered h USING (queue, level, share)
            WHERE base.lane IS NOT NULL AND (SELECT count FROM parked) >= 0
            """)
    }

    static let deferNew: Statement = """
        INSERT INTO mq.deferred (due_at, queue, level, attempt, id, sent_at, key, tag, headers, body)
        SELECT now() + make_interval(secs => m.delay), $1, m.level, 1, m.id, now(), m.key, m.tag, m.headers, m.body
        FROM unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[], $7::float8[], $8::smallint[])
            AS m(id, key, tag, headers, body, delay, level)
        """
}

/// A message to be sent, encoded.
struct Packed: Sendable {
    let id: MessageID
    let key: String?
    let tag: String?
    let headers: JSON?
    let body: Bytes
    let delay: Duration
    let priority: Priority

    init<P>(_ message: Outgoing<P>) throws {
        id = message.id
        key = message.key
        tag = message.tag
        headers = try Payloads.encode(headers: message.headers)
        body = Bytes(try Payloads.encode(message.payload))
        delay = message.delay
        priority = message.priority
    }
}
