import Postgres

extension Broker {
    /// Sends dead letters back to their queues, as fresh messages with the same ids.
    ///
    /// Guarantee: each matching letter is moved exactly once or stays; moved + skipped + failed = matched. Letters that die
    /// after the call began are not part of it, nor those after ``DeadLetterFilter/through``. In a queue that keeps order
    /// they come after what was sent meanwhile.
    ///
    /// While it goes on, any process may pause, resume, slow or stop it, see ``pause(action:)`` and ``limit(action:to:)``;
    /// what became of each letter tells ``redriven(by:after:limit:)``.
    /// - Parameters:
    ///   - filter: which letters; all of them unless given.
    ///   - rate: messages per second at the most, from one a day to a billion; nil as fast as it goes.
    ///   - onBegin: told the number of the action once the first step is committed.
    /// - Throws: ``QueueError/invalidArgument(_:)`` for a rate outside of that.
    public func redrive(
        _ filter: DeadLetterFilter = .init(), rate: Double? = nil, onBegin: (@Sendable (Int64) -> Void)? = nil
    ) async throws -> RedriveReport {
        if let rate { try QueueLimits.check(rate: rate, or: QueueError.invalidArgument) }
        let deed = Deed(.redrive, filter.queue, filter.detail.merging(["rate": rate.map { "\($0)" }]) { $1 })
        return try await walk(filter, rate: rate, deed, onBegin) { tickets, action, session in
            let entries = try session.query(Self.queuesOf, tickets) { row in try row[0, as: Int32.self] }
            var moved = 0
            for queue in entries { moved += try session.execute(Self.redrive, queue, tickets, action) }
            self.ring(entries, after: session)
            return moved
        }
    }

    static let queuesOf: Statement = "SELECT DISTINCT queue FROM mq.dead_letters WHERE ticket = ANY ($1) ORDER BY queue"
    /// Letters that another session is moving are waited for, then not found. Where no lane is free, nothing is moved.
    static let redrive = Statement(
        """
        WITH matched AS MATERIALIZED (
            SELECT m.ticket, m.level::int AS level, \(share) AS share
            FROM mq.dead_letters m JOIN mq.queues q ON q.id = m.queue
            WHERE m.queue = $1 AND m.ticket = ANY ($2) FOR UPDATE OF m),
        base AS MATERIALIZED (
            SELECT t.level, t.share, lane.lane, lane.last
            FROM (SELECT DISTINCT level, share FROM matched ORDER BY level, share) AS t,
                LATERAL mq.take_lane($1, t.level, t.share) AS lane),
        risen AS MATERIALIZED (
            DELETE FROM mq.dead_letters d USING matched m JOIN base ON base.level = m.level AND base.share IS NOT DISTINCT FROM m.share
            WHERE d.ticket = m.ticket AND base.lane IS NOT NULL
            RETURNING d.*, m.share),
        noted AS (INSERT INTO mq.redriven (action, ticket, id, queue) SELECT $3, ticket, id, queue FROM risen)
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
        SELECT base.last + row_number() OVER (PARTITION BY r.level, r.share ORDER BY r.ticket), r.queue, base.lane, 1, r.id, r.sent_at,
            r.topic, r.key, r.tag, r.headers, r.body
        FROM risen r JOIN base ON base.level = r.level AND base.share IS NOT DISTINCT FROM r.share
        """)
}
