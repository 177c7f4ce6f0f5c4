package import Postgres

extension Broker {
    /// Moves scheduled messages that are due to the log, at most `limit`, and tells when the next one is due.
    ///
    /// Whoever notices may do it: a worker, the upkeep, a test.
    /// - Returns: how many were moved, and the time until the next one is due, nil when nothing is scheduled.
    package func promote(_ entry: Catalogue.Entry, limit: Int = 1000, on database: some DatabaseAccess) async throws
        -> Promotion
    {
        var promotion = Promotion(moved: 0, nextDue: nil)
        for level in try await entry.levels > 1 ? dueLevels(of: entry, &promotion, on: database) : [0] {
            try await promotion.add(ask(Self.promote, entry.id, Int32(limit), level, on: database))
        }
        if entry.order != nil {
            try await promotion.add(ask(Self.replay, entry.id, Int32(Self.replayLimit), on: database))
        }
        return promotion
    }

    /// One look for all levels, since at most times nothing is due.
    private func dueLevels(
        of entry: Catalogue.Entry, _ promotion: inout Promotion, on database: some DatabaseAccess
    ) async throws -> [Int16] {
        let looks = try await database.query(Self.dueLevels, entry.id) { row in
            (levels: try row[0, as: [Int16]?.self] ?? [], nextDue: try row[1, as: Double?.self])
        }
        guard let look = looks.first else { return [] }
        promotion.nextDue = look.nextDue.map { .seconds(max(0, $0)) }
        return look.levels
    }

    private func ask<each P: PostgresEncodable>(
        _ statement: Statement, _ values: repeat each P, on database: some DatabaseAccess
    ) async throws -> Promotion {
        let promotions = try await database.query(statement, repeat each values) { row in
            Promotion(moved: try row[0], nextDue: try row[1, as: Double?.self].map { .seconds(max(0, $0)) })
        }
        return promotions.first ?? Promotion(moved: 0, nextDue: nil)
    }

    package struct Promotion: Sendable {
        package fileprivate(set) var moved: Int
        fileprivate(set) var nextDue: Duration?

        fileprivate mutating func add(_ other: Promotion) {
            moved += other.moved
            nextDue = [nextDue, other.nextDue].compactMap(\.self).min()
        }
    }

    /// Of one key, once its first message has gone well.
    private static let replayLimit = 200

    /// See `mq.replay`.
    static let replay: Statement = "SELECT moved, next_due FROM mq.replay($1, $2)"

    /// Of the first thousand that are due; the others' turn comes. By the index (queue, due_at).
    static let dueLevels: Statement = """
        SELECT (SELECT array_agg(DISTINCT d.level) FROM (
                SELECT s.level FROM mq.scheduled s WHERE s.queue = $1 AND s.due_at <= now() ORDER BY s.due_at LIMIT 1000) AS d),
            (SELECT extract(epoch FROM s.due_at - now())::float8 FROM mq.scheduled s
             WHERE s.queue = $1 AND s.due_at > now() ORDER BY s.due_at LIMIT 1)
        """

    /// Due rows come by the index (queue, due_at), those that another promoter holds are skipped. They are looked for once
    /// (MATERIALIZED): a plan that looked again would skip none of its own locks, and move more than it may. Without a free lane
    /// nothing is moved, and it is soon worth trying again: who holds the lanes may roll back, which rings nobody.
    static let promote: Statement = """
        WITH base AS MATERIALIZED (SELECT * FROM mq.take_lane($1, $3::smallint, NULL) WHERE EXISTS (
            SELECT FROM mq.scheduled d WHERE d.queue = $1 AND d.level = $3 AND d.due_at <= now())),
        ticket AS MATERIALIZED (
            SELECT d.ticket FROM mq.scheduled d WHERE d.queue = $1 AND d.level = $3 AND d.due_at <= now() AND EXISTS (
                SELECT FROM base WHERE lane IS NOT NULL)
            ORDER BY d.due_at LIMIT $2 FOR UPDATE SKIP LOCKED),
        due AS MATERIALIZED (DELETE FROM mq.scheduled d USING ticket WHERE d.ticket = ticket.ticket RETURNING d.*),
        moved AS (
            INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
            SELECT base.last + row_number() OVER (ORDER BY d.due_at, d.ticket), d.queue, base.lane, d.attempt, d.id, d.sent_at,
                d.topic, d.key, d.tag, d.headers, d.body
            FROM base, due d
            RETURNING 1)
        SELECT (SELECT count(*) FROM moved), CASE WHEN EXISTS (SELECT FROM base WHERE lane IS NULL) THEN 0.05 ELSE (
            SELECT extract(epoch FROM d.due_at - now())::float8 FROM mq.scheduled d
            WHERE d.queue = $1 AND d.level = $3 AND d.due_at > now() ORDER BY d.due_at LIMIT 1) END
        """
}
