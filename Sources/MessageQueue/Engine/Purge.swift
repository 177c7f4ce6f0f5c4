import Postgres

extension Broker {
    /// Deletes for ever what waits in a queue: what nobody has taken yet, what is not due yet, and what is held back behind a
    /// blocked key. What it stood for is not done.
    ///
    /// Guarantee: what is in flight goes on, and dead letters stay. What was in the log is told by traces as
    /// ``TraceEntry/Outcome/purged``, and all of it is counted as ``QueueStatistics/purged``. What is sent or put back meanwhile is
    /// deleted as well, or stays. A paused queue stays paused: pausing it first makes sure that nobody takes anything while this goes
    /// on. In a queue that keeps order, what is being delivered anew counts as in flight.
    /// - Parameters:
    ///   - queue: whose messages.
    ///   - onBegin: told the number of the operator's action once it has begun.
    /// - Returns: how many messages were deleted.
    /// - Throws: ``QueueError/unknownQueue(_:)``.
    @discardableResult
    public func purge(
        waitingIn queue: QueueName, onBegin: (@Sendable (Int64) -> Void)? = nil
    ) async throws -> Int {
        let deed = Deed(.purgeQueue, queue)
        let (id, number) = try await writeLookingAgain(on: database) { session in
            (try self.catalogue.queue(queue, in: session).id, try self.begin(deed, in: session))
        }
        onBegin?(number)
        let newest = try await database.read(Self.newestScheduled) { try $0[0, as: Int64.self] }.first ?? 0
        var sum = try await repeatedly(number) { session in
            try session.query(Self.purgeScheduled, id, newest, Self.purgeLimit) { try $0[0, as: Int.self] }.first ?? 0
        }
        sum += try await repeatedly(number) { try self.purgeHeld(of: id, in: $0) }
        let ends = try await database.read(Self.ends, id) { (try $0[0, as: Int16.self], try $0[1, as: Int64.self]) }
        sum += try await repeatedly(number) { session in
            session.pipeline(Self.takeAllLanes, id)
            return try session.query(
                Self.purgeWaiting, id, ends.map(\.0), ends.map(\.1), Self.purgeLimit, Deed.nobody
            ) { try $0[0, as: Int.self] }.first ?? 0
        }
        try await database.write { self.goOn(number, messages: 0, isEnd: true, in: $0) }
        return sum
    }

    /// In transactions of their own, until there is nothing more.
    func repeatedly(
        _ action: Int64, _ act: @escaping @Sendable (borrowing Session) throws -> Int
    ) async throws -> Int {
        var sum = 0
        while true {
            let count = try await database.write { session in
                let count = try act(session)
                if count > 0 { self.goOn(action, messages: count, isEnd: false, in: session) }
                return count
            }
            if count == 0 { return sum }
            sum += count
        }
    }

    private func purgeHeld(of queue: Int32, in session: borrowing Session) throws -> Int {
        let keys = try session.query(Self.lockHeldKeys, queue, Self.purgeLimit) { try $0[0, as: String.self] }
        guard !keys.isEmpty else { return 0 }
        // Statements of their own: they see what was held back until the keys were locked.
        let counts = try session.query(Self.purgeHeld, queue, keys) { try $0[0, as: Int.self] }
        session.pipeline(Self.forgetKeysOfPurged, queue, keys)
        return counts.first ?? 0
    }

    /// Of each lane, or in all.
    private static let purgeLimit: Int32 = 5000

    static let newestScheduled: Statement = "SELECT coalesce(max(ticket), 0) FROM mq.scheduled"
    /// What is being promoted is left to whoever does it: it waits in the log then.
    static let purgeScheduled: Statement = """
        WITH gone AS (
            DELETE FROM mq.scheduled WHERE ticket IN (
                SELECT s.ticket FROM mq.scheduled s WHERE s.queue = $1 AND s.ticket <= $2
                ORDER BY s.due_at LIMIT $3::int FOR UPDATE SKIP LOCKED)
            RETURNING 1),
        counted AS (INSERT INTO mq.tallies (queue, kind, change) SELECT $1, 'p', count(*) FROM gone HAVING count(*) > 0)
        SELECT count(*) FROM gone
        """
    static let lockHeldKeys: Statement = """
        SELECT b.key FROM mq.blocked_keys b
        WHERE b.queue = $1 AND EXISTS (SELECT FROM mq.held h WHERE h.queue = b.queue AND h.key = b.key)
        ORDER BY b.key LIMIT $2::int FOR UPDATE
        """
    static let purgeHeld: Statement = """
        WITH gone AS (DELETE FROM mq.held WHERE queue = $1 AND key = ANY ($2) RETURNING 1),
        counted AS (INSERT INTO mq.tallies (queue, kind, change) SELECT $1, 'p', count(*) FROM gone HAVING count(*) > 0)
        SELECT count(*) FROM gone
        """
    /// Those of which something is in the log again are freed when that is done.
    static let forgetKeysOfPurged: Statement = """
        DELETE FROM mq.blocked_keys b WHERE b.queue = $1 AND b.key = ANY ($2) AND b.replaying = 0
            AND NOT EXISTS (SELECT FROM mq.held h WHERE h.queue = b.queue AND h.key = b.key)
        """
    /// The last place of each lane, but for those in which a queue that keeps order delivers anew.
    static let ends: Statement = """
        SELECT l.lane, coalesce((
            SELECT m.seq FROM mq.head_messages m WHERE m.queue = l.queue AND m.lane = l.lane ORDER BY m.seq DESC LIMIT 1), l.closed_seq)
        FROM mq.lanes l JOIN mq.queues q ON q.id = l.queue
        WHERE l.queue = $1 AND (q.key_order IS NULL OR l.lane < q.lanes)
        """
    /// Nobody else claims from the queue until the transaction ends. The head is locked first, as by whoever claims.
    static let takeAllLanes: Statement = """
        SELECT l.lane FROM mq.lanes l WHERE l.queue = $1 AND NOT EXISTS (SELECT FROM mq.head_messages WHERE false)
        ORDER BY l.lane FOR UPDATE OF l
        """
    /// Claims and completes what waits, along the primary key of the messages from each cursor on, which is read after the lanes
    /// were locked. A claim lies within one segment. Its pace and its watermark are those of the claim before.
    static let purgeWaiting: Statement = """
        WITH got AS MATERIALIZED (
            SELECT e.lane, m.seq FROM unnest($2::smallint[], $3::bigint[]) AS e(lane, last)
            CROSS JOIN LATERAL (SELECT mq.cursor($1, e.lane) AS seq OFFSET 0) AS cursor
            CROSS JOIN LATERAL (
                SELECT n.seq FROM mq.messages n WHERE n.queue = $1 AND n.lane = e.lane AND n.seq > cursor.seq AND n.seq <= e.last
                ORDER BY n.seq LIMIT $4::int) AS m),
        claimed AS (
            INSERT INTO mq.claims (last_seq, first_seq, queue, lane, places, consumer, lease_until, watermark, paced_until)
            SELECT g.last, g.first, $1, g.lane, g.places, $5::bigint, now(), coalesce(c.watermark, 0), c.paced_until
            FROM (SELECT lane, min(seq) AS first, max(seq) AS last, count(*) AS places FROM got GROUP BY lane, seq >> 40) AS g
            LEFT JOIN LATERAL (
                SELECT c.watermark, c.paced_until FROM mq.claims c WHERE c.queue = $1 AND c.lane = g.lane
                ORDER BY c.last_seq DESC LIMIT 1) AS c ON true),
        gone AS (INSERT INTO mq.completions (queue, lane, seq, outcome) SELECT $1, lane, seq, 'p' FROM got RETURNING 1),
        counted AS (INSERT INTO mq.tallies (queue, kind, change) SELECT $1, 'p', count(*) FROM gone HAVING count(*) > 0)
        SELECT count(*) FROM gone
        """
}
