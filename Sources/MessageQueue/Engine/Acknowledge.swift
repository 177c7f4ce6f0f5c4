public import Postgres

extension Broker {
    /// Finishes messages by their receipts alone, whichever process received them: for consumers that are no process of their own,
    /// such as the clients of an HTTP API.
    ///
    /// Guarantee: a receipt finishes its attempt only while the lease that it was handed out with runs, by the database's clock, and
    /// only if the visibility has not been changed since; otherwise nothing of it changes. The others are finished all the same.
    /// Of a queue that is just being deleted, it waits for that, and then they are worth nothing.
    /// - Parameter receipts: of messages that were taken with ``receive(_:limit:lease:)``; those of a ``Worker`` are its own.
    /// - Returns: the receipts that were worth nothing any more. One that is given twice is used once.
    public func acknowledge(_ receipts: [Receipt]) async throws -> Set<Receipt> {
        guard !receipts.isEmpty else { return [] }
        return try await writeLookingAgain(on: database) { try self.acknowledge(receipts, in: $0) }
    }

    /// As ``acknowledge(_:)``, in the caller's transaction: the messages are finished if and only if it commits. While a queue of theirs
    /// is being deleted, a transaction that has written something already fails with an error that is retryable.
    public func acknowledge(_ receipts: [Receipt], in session: borrowing Session) throws -> Set<Receipt> {
        let origin = try origin(of: receipts, in: session)
        let places = Set(receipts.filter { $0.mark == origin.mark }).sorted()
        let deletions = catalogue.deletions(knowing: Set(places.map(\.queue)), at: origin)
        let finished = Set(
            try session.query(
                Self.acknowledge, places.map(\.queue), places.map(\.lane), places.map(\.seq), places.map(\.turn),
                origin.home, deletions
            ) { row in
                Receipt(queue: try row[0], lane: try row[1], seq: try row[2], mark: origin.mark, turn: try row[3])
            })
        pass(Array(finished), in: session)
        ring(Set(finished.map(\.queue)).filter { catalogue.known($0)?.ringsWhenFinished == true }, after: session)
        return Set(receipts).subtracting(finished)
    }

    /// The lease that counts is the place's own, where its visibility was changed, else that of its claim, which both are found by
    /// their primary keys. Locks neither: of an acknowledgement and a rescue, the completions' primary key lets one happen. Shares the
    /// lock of the queue that a deletion has alone: of these two, either the deletion waits, or nothing of the queue is held any more.
    static let acknowledge = Statement(
        """
        WITH found AS MATERIALIZED (\(leased) AND mq.is_home($5)),
        held AS MATERIALIZED (
            SELECT f.* FROM found f WHERE \(isKept("f.queue", knowing: "$6", orElse: "mq.keep_queue(f.queue)"))),
        ended AS (DELETE FROM mq.leases v USING held h WHERE (v.queue, v.lane, v.seq) = (h.queue, h.lane, h.seq)),
        done AS (
            INSERT INTO mq.completions (queue, lane, seq, outcome)
            SELECT queue, lane, seq, 'd' FROM held ORDER BY queue, lane, seq
            ON CONFLICT DO NOTHING RETURNING queue, lane, seq)
        SELECT d.queue, d.lane, d.seq, h.turn FROM done d JOIN held h USING (queue, lane, seq)
        """)

    /// Those of the places `$1`, `$2`, `$3` whose lease of turn `$4` runs.
    static let leased = """
        SELECT p.queue, p.lane, p.seq, p.turn
        FROM unnest($1::int[], $2::smallint[], $3::bigint[], $4::int[]) AS p(queue, lane, seq, turn)
        LEFT JOIN mq.leases v ON (v.queue, v.lane, v.seq) = (p.queue, p.lane, p.seq)
        CROSS JOIN LATERAL (
            SELECT n.first_seq, n.lease_until FROM mq.claims n WHERE n.queue = p.queue AND n.lane = p.lane AND n.last_seq >= p.seq
            ORDER BY n.last_seq LIMIT 1) AS c
        WHERE c.first_seq <= p.seq AND coalesce(v.turn, 0) = p.turn AND coalesce(v.lease_until, c.lease_until) > now()
        """
}
