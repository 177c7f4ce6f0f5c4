import Postgres

extension Broker {
    /// Lends a producer, on whose connection `body` runs: for a task that sends many messages to one queue, one call after the
    /// other.
    ///
    /// A call of a producer changes no threads and, since it has a lane of its own, costs the server hardly more than the bare
    /// insert of its message. Where many tasks send at the same time, ``send(_:to:)-(_,Queue<P>)`` is better still: they share
    /// transactions.
    ///
    /// The connection is one of the pool, see `Database/withConnection(_:)`, and at most half of a queue's lanes go to producers. One
    /// that gets no lane sends as everybody else does; so it is in queues with priorities or an order, and behind a pooler.
    /// - Throws: ``QueueError/unknownQueue(_:)``, and what `body` throws.
    public func withProducer<P, T: Sendable>(
        of queue: Queue<P>, _ body: @Sendable (Producer<P>) async throws -> T
    ) async throws -> T {
        _ = try await entries(of: [queue.name], on: database)
        return try await database.withConnection { connection in
            let isPooled = await connection.isPooled
            let lane = ProducerLane(isAskedFor: !isPooled)
            let producer = Producer<P>(broker: self, queue: queue.name, connection: connection, lane: lane)
            do {
                let value = try await body(producer)
                await producer.end()
                return value
            } catch {
                await producer.end()
                throw error
            }
        }
    }
}

/// Sends to one queue, on a connection that is lent to it; see ``Broker/withProducer(of:_:)``.
public struct Producer<Payload: Codable & Sendable>: Sendable {
    let broker: Broker
    let queue: QueueName
    let connection: BorrowedConnection
    let lane: ProducerLane

    /// Stores messages, and returns once they are committed: all of them, or, when it throws, none.
    ///
    /// - Throws: the error of encoding a payload, ``QueueError/beyondLimit(_:)``, or `PostgresError`: after one of kind
    ///   `connectionLost` or `outcomeUnknown` this producer is of no more use, and another one has to go on; after one
    ///   of kind `closed` it has been given back.
    public func send(_ messages: [Outgoing<Payload>]) async throws {
        try lane.checkIsInUse()
        let packed = try messages.map { try Packed($0) }
        let isOneStatement =
            packed.allSatisfy { $0.delay ?? .zero <= .zero } && packed.parcels(weighing: \.weight).count == 1
        guard isOneStatement else { return try await send(packed) }
        // A place is refused when another send on this connection took it, when it lies in front of a new segment, or in a log
        // that was made anew. The next try knows better.
        for _ in 0..<Self.tries {
            do {
                if try await append(packed) { return }
                break
            } catch let error as PostgresError where error.refusesPlace || error.isOutdated {
                if error.isOutdated { broker.catalogue.doubt() }
            }
        }
        try await send(packed)
    }

    /// Stores one message, and answers its id.
    @discardableResult
    public func send(_ payload: Payload, key: String? = nil) async throws -> MessageID {
        let message = Outgoing(payload, key: key)
        try await send([message])
        return message.id
    }

    private static var tries: Int { 3 }

    /// As anybody would.
    private func send(_ messages: [Packed]) async throws {
        try await broker.writeLookingAgain(on: connection) { session in
            try broker.send(messages, to: try broker.catalogue.queue(queue, in: session), in: session)
        }
    }

    /// Answers whether there was a lane, and nothing to wait for.
    private func append(_ messages: [Packed]) async throws -> Bool {
        guard lane.isAskedFor else { return false }
        return try await connection.perform(isTransaction: false, within: nil) { session in
            let entry = try broker.catalogue.queue(queue, in: session)
            guard messages.allSatisfy({ entry.delay(of: $0) <= .zero }) else { return false }
            guard let place = try lane.nextPlace(of: entry, in: session) else { return false }
            broker.append(messages, at: place, of: entry, in: session)
            let last = place.seq + Int64(messages.count) - 1
            session.afterCommit { lane.advance(to: last) }
            return true
        }
    }

    /// A connection that may still hold a lane ends, and gives it back that way.
    func end() async {
        // A task of its own: it must come through though the caller was cancelled.
        await Task { [connection, lane] in
            if await !lane.giveBack(on: connection) { await connection.abandon() }
        }.value
    }
}

extension Broker {
    fileprivate func append(
        _ messages: [Packed], at place: (lane: Int16, seq: Int64), of entry: Catalogue.Entry,
        in session: borrowing Session
    ) {
        if messages.count == 1, let message = messages.first {
            session.pipeline(
                Self.appendOne, place.seq, entry.id, place.lane, message.id.uuid, message.key, message.tag,
                message.headers, message.body, entry.origin.home)
        } else {
            session.pipeline(
                Self.appendMany, place.seq, entry.id, place.lane, messages.map(\.id.uuid), messages.given(\.key),
                messages.given(\.tag), messages.given(\.headers), messages.map(\.body), entry.origin.home)
        }
        ring([entry.id], after: session)
    }

    static let appendOne = Statement(
        """
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, key, tag, headers, body)
        SELECT $1::bigint, $2::int, $3::smallint, 1, $4::uuid, now(), $5::text, $6::text, $7::jsonb, $8::bytea
        WHERE \(Origin.isHome("$9"))
        """)
    static let appendMany = Statement(
        """
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, key, tag, headers, body)
        SELECT $1::bigint + m.n - 1, $2, $3, 1, m.id, now(), m.key, m.tag, m.headers, m.body
        FROM unnest($4::uuid[], $5::text[], $6::text[], $7::jsonb[], $8::bytea[]) WITH ORDINALITY AS m(id, key, tag, headers, body, n)
        WHERE \(Origin.isHome("$9"))
        """)
}

extension PostgresError {
    /// The place is taken, or not in the newest segment: the only unique key and the only check of a message.
    fileprivate var refusesPlace: Bool { isUniqueViolation || sqlState == "23514" }
}
