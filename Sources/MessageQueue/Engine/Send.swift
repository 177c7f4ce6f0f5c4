import Durations
public import Postgres

extension Broker {
    /// Stores messages in a queue, in the caller's transaction: they exist if and only if it commits.
    ///
    /// Guarantee: once the commit is acknowledged, no message is lost. Never waits for other senders, except in a queue that
    /// keeps order (see ``KeyOrder``). Costs no round trip of its own: the statement travels with the transaction's next
    /// one, or its commit.
    /// - Throws: ``QueueError/unknownQueue(_:)``, the error of encoding a payload, ``QueueError/beyondLimit(_:)`` for what is
    ///   larger than ``MessageLimits`` allow, or ``QueueError/delayRefused(_:queue:)`` for a delay in a queue that keeps order.
    public func send<P>(_ messages: [Outgoing<P>], to queue: Queue<P>, in session: borrowing Session) throws {
        let entry = try catalogue.queue(queue.name, in: session)
        try send(messages.map { try Packed($0) }, to: entry, in: session)
    }

    /// Stores messages in a queue, and returns once they are committed: all of them, or, when it throws, none.
    ///
    /// Small sends that are under way at the same time share a transaction, which is what makes many of them cheap; a lone
    /// one is committed at once. Each fails for reasons of its own only.
    public func send<P>(_ messages: [Outgoing<P>], to queue: Queue<P>) async throws {
        // In a queue that keeps order a send may wait for another sender.
        guard messages.count <= SharedCall.mostMessages, let entry = catalogue.known(queue.name), entry.order == nil
        else { return try await send(messages, to: queue, on: database) }
        let packed = try messages.map { try Packed($0) }
        guard packed.weight <= SharedCall.mostBytes else {
            return try await writeLookingAgain(on: database) { session in
                try self.send(packed, to: try self.catalogue.queue(queue.name, in: session), in: session)
            }
        }
        try await together.submit(.init(broker: self, queue: queue.name, messages: packed))
    }

    /// Stores messages in a queue, in a transaction of their own on this database or connection.
    ///
    /// For a task that sends many, one after the other, see ``withProducer(of:_:)``.
    public func send<P>(_ messages: [Outgoing<P>], to queue: Queue<P>, on database: some DatabaseAccess) async throws {
        try await writeLookingAgain(on: database) { try self.send(messages, to: queue, in: $0) }
    }

    /// Stores one message in a queue, in a transaction of its own, and answers its id.
    @discardableResult
    public func send<P>(_ payload: P, to queue: Queue<P>, key: String? = nil) async throws -> MessageID {
        let message = Outgoing(payload, key: key)
        try await send([message], to: queue)
        return message.id
    }

    /// In parcels, each one statement.
    func send(_ messages: [Packed], to entry: Catalogue.Entry, in session: borrowing Session) throws {
        for parcel in messages.parcels(weighing: \.weight) { try send(parcel: parcel, to: entry, in: session) }
        ring([entry.id], after: session)
    }

    private func send(parcel messages: [Packed], to entry: Catalogue.Entry, in session: borrowing Session) throws {
        let (due, delayed) = try split(messages, for: entry)
        append(due: due, to: entry, in: session)
        if !delayed.isEmpty {
            session.pipeline(
                Self.scheduleNew, entry.id, delayed.map(\.id.uuid), delayed.map(\.key), delayed.map(\.tag),
                delayed.map(\.headers), delayed.map(\.body), delayed.map { entry.delay(of: $0).inSeconds },
                delayed.map { entry.level(of: $0.priority) })
        }
    }

    /// What is to be delivered at once, and what has to wait.
    func split(_ messages: [Packed], for entry: Catalogue.Entry) throws -> (due: [Packed], delayed: [Packed]) {
        let (due, delayed) = messages.partitioned { entry.delay(of: $0) <= .zero }
        if entry.order != nil, let message = delayed.first {
            throw QueueError.delayRefused(message.id, queue: entry.name)
        }
        return (due, delayed)
    }

    func append(due messages: [Packed], to entry: Catalogue.Entry, in session: borrowing Session) {
        if messages.isEmpty { return }
        if entry.sortsMessages {
            appendSorted(messages, to: entry, in: session)
        } else {
            append(messages, to: entry, in: session)
        }
    }

    private func append(_ messages: [Packed], to entry: Catalogue.Entry, in session: borrowing Session) {
        session.pipeline(
            Self.append, entry.id, entry.lanes, messages.map(\.id.uuid), messages.given(\.key), messages.given(\.tag),
            messages.given(\.headers), messages.map(\.body))
    }

    private func appendSorted(_ messages: [Packed], to entry: Catalogue.Entry, in session: borrowing Session) {
        session.pipeline(
            Self.appendSorted, entry.id, messages.map(\.id.uuid), messages.given(\.key), messages.given(\.tag),
            messages.given(\.headers), messages.map(\.body), messages.map(\.priority.code))
    }

    /// See `mq.append`: locks a lane for writing until the transaction ends, and appends after its last place, which the
    /// primary key of the head segment carries. Without a free lane the messages are put aside among the scheduled ones.
    static let append: Statement = "SELECT mq.append($1, $2::smallint, 0, NULL, NULL, $3, $4, $5, $6, $7)"

    /// As ``append``, for queues in which the lane depends on the message: on its priority and, where order is kept, on its key.
    /// Lanes are taken in their order, so that two senders wait for each other in one direction only.
    static let appendSorted = Statement(
        """
        SELECT count(mq.append(g.queue, g.lanes, g.level, g.share, NULL, g.ids, g.keys, g.tags, g.headers, g.bodies)) FROM (
            SELECT q.id AS queue, q.lanes, (m.priority - 1) * q.levels / 16 AS level, \(share) AS share,
                array_agg(m.id ORDER BY m.n) AS ids, array_agg(m.key ORDER BY m.n) AS keys, array_agg(m.tag ORDER BY m.n) AS tags,
                array_agg(m.headers ORDER BY m.n) AS headers, array_agg(m.body ORDER BY m.n) AS bodies
            FROM mq.known_queue($1) q, unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[], $7::smallint[])
                WITH ORDINALITY AS m(id, key, tag, headers, body, priority, n)
            GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 4) AS g
        """)

    /// The lane that a message must take in a queue that keeps order.
    static let share =
        "CASE WHEN q.key_order IS NOT NULL THEN mq.shard(coalesce(m.key, m.id::text), q.lanes)::int END"

    static let scheduleNew: Statement = """
        INSERT INTO mq.scheduled (due_at, queue, level, attempt, id, sent_at, key, tag, headers, body)
        SELECT now() + make_interval(secs => m.delay), q.id, m.level, 1, m.id, now(), m.key, m.tag, m.headers, m.body
        FROM mq.known_queue($1) q, unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[], $7::float8[], $8::smallint[])
            AS m(id, key, tag, headers, body, delay, level)
        RETURNING ticket, id, due_at
        """
}

extension [Packed] {
    /// What they add to the size of statements, roughly, in bytes.
    var weight: Int { reduce(0) { $0 + $1.weight } }

    /// What the messages carry of something that most of them lack; nil when all do. To `unnest`, that is a column of NULLs,
    /// which nobody has to encode, send or take apart.
    func given<T>(_ part: (Packed) -> T?) -> [T?]? {
        contains { part($0) != nil } ? map(part) : nil
    }
}

/// A message to be sent, encoded.
struct Packed: Sendable {
    let id: MessageID
    let key: String?
    let tag: String?
    let headers: JSON?
    let body: Bytes
    let delay: Duration?
    let priority: Priority

    /// What it adds to the size of a statement, roughly, in bytes.
    var weight: Int {
        body.bytes.count + (headers?.text.utf8.count ?? 0) + (key?.utf8.count ?? 0) + (tag?.utf8.count ?? 0)
    }

    /// - Throws: ``QueueError/beyondLimit(_:)``, or the error of encoding the payload.
    init<P>(_ message: Outgoing<P>) throws {
        try self.init(message, body: try Payloads.encode(message.payload))
    }

    /// With another body than its payload's.
    init<P>(_ message: Outgoing<P>, body: [UInt8]) throws {
        try MessageLimits.check(message)
        id = message.id
        key = message.key
        tag = message.tag
        headers = try Payloads.encode(headers: TraceHeaders.joined(to: message.headers, key: message.key))
        self.body = Bytes(body)
        try MessageLimits.check(body: body, of: message.id)
        delay = message.delay
        priority = message.priority
    }
}
