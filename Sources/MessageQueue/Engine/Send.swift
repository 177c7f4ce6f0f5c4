public import Postgres

extension Broker {
    /// Stores messages in a queue, in the caller's transaction: they exist if and only if it commits.
    ///
    /// Guarantee: once the commit is acknowledged, no message is lost. Never waits for other senders. Costs no round trip
    /// of its own: the statement travels with the transaction's next one, or its commit.
    /// - Throws: ``QueueError/unknownQueue(_:)``, or the error of encoding a payload.
    public func send<P>(_ messages: [Outgoing<P>], to queue: Queue<P>, in session: borrowing Session) throws {
        let entry = try catalogue.queue(queue.name, in: session)
        try send(messages.map { try Packed($0) }, topic: nil, to: entry.id, in: session)
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

    func send(_ messages: [Packed], topic: String?, to queue: Int32, in session: borrowing Session) throws {
        let due = messages.filter { $0.delay <= .zero }
        let delayed = messages.filter { $0.delay > .zero }
        if !due.isEmpty {
            session.queue(
                Self.append, queue, topic, due.map(\.id.uuid), due.map(\.key), due.map(\.tag), due.map(\.headers),
                due.map(\.body))
        }
        if !delayed.isEmpty {
            session.queue(
                Self.deferNew, queue, topic, delayed.map(\.id.uuid), delayed.map(\.key), delayed.map(\.tag),
                delayed.map(\.headers), delayed.map(\.body), delayed.map(\.delay.inSeconds))
        }
        ring([queue], after: session)
    }

    /// Locks a lane for writing until the transaction ends (see `mq.take_lane`) and appends after its last place, which
    /// the primary key of the head segment carries. Without a free lane the messages are parked among the deferred ones.
    static let append: Statement = """
        WITH base AS MATERIALIZED (SELECT * FROM mq.take_lane($1)),
        parked AS MATERIALIZED (
            SELECT count(mq.park($1, 1::smallint, m.id, now(), $2, m.key, m.tag, m.headers, m.body)) AS count
            FROM base, unnest($3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::bytea[]) AS m(id, key, tag, headers, body)
            WHERE base.lane IS NULL)
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
        SELECT base.last + m.n, $1, base.lane, 1, m.id, now(), $2::text, m.key, m.tag, m.headers, m.body
        FROM base, unnest($3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::bytea[])
            WITH ORDINALITY AS m(id, key, tag, headers, body, n)
        WHERE base.lane IS NOT NULL AND (SELECT count FROM parked) >= 0
        """

    static let deferNew: Statement = """
        INSERT INTO mq.deferred (due_at, queue, attempt, id, sent_at, topic, key, tag, headers, body)
        SELECT now() + make_interval(secs => m.delay), $1, 1, m.id, now(), $2::text, m.key, m.tag, m.headers, m.body
        FROM unnest($3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::bytea[], $8::float8[])
            AS m(id, key, tag, headers, body, delay)
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

    init<P>(_ message: Outgoing<P>) throws {
        id = message.id
        key = message.key
        tag = message.tag
        headers = try Payloads.encode(headers: message.headers)
        body = Bytes(try Payloads.encode(message.payload))
        delay = message.delay
    }
}
