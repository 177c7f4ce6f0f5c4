public import Postgres

/// A full count of the engine's tables: what must hold at any instant between two transactions, whatever was killed.
///
/// A place is claimed once, and completed once by whoever claimed it; no place is skipped; a message is in one place; what the
/// statistics say is what there is; and nothing is left of a queue that was deleted. Reads all of the log: for the end of a test or a
/// drill, not for every minute.
public enum EngineAudit {
    /// Each contradiction in words; none when the books balance.
    public static func contradictions(on database: some DatabaseAccess) async throws -> [String] {
        try await database.query(all, within: .seconds(3600)) { try $0[0, as: String.self] }
    }

    static let all: Statement = """
        SELECT 'completed without a claim: ' || d.seq FROM mq.completions d
            WHERE NOT EXISTS (SELECT FROM mq.claims c
                WHERE c.queue = d.queue AND c.lane = d.lane AND d.seq BETWEEN c.first_seq AND c.last_seq)
        UNION ALL SELECT 'claims overlap: ' || last_seq FROM (
            SELECT last_seq, first_seq, max(last_seq) OVER (PARTITION BY queue, lane ORDER BY last_seq
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM mq.claims) AS c WHERE first_seq <= before
        UNION ALL SELECT 'claimed but not appended: ' || place FROM mq.claims c, generate_series(c.first_seq, c.last_seq) AS place
            WHERE NOT EXISTS (SELECT FROM mq.messages m WHERE m.queue = c.queue AND m.lane = c.lane AND m.seq = place)
        UNION ALL SELECT 'skipped: ' || m.seq FROM mq.messages m
            WHERE m.seq < (SELECT max(c.last_seq) FROM mq.claims c WHERE c.queue = m.queue AND c.lane = m.lane)
            AND NOT EXISTS (SELECT FROM mq.claims c
                WHERE c.queue = m.queue AND c.lane = m.lane AND m.seq BETWEEN c.first_seq AND c.last_seq)
        UNION ALL SELECT 'not dense: ' || queue || '.' || lane FROM (
            SELECT queue, lane, count(*) AS places, max(mq.ordinal(seq)) - min(mq.ordinal(seq)) + 1 AS span
            FROM mq.messages GROUP BY queue, lane, seq >> 40) AS log WHERE places <> span
        UNION ALL SELECT 'in ' || count(*) || ' places: ' || id FROM (
            SELECT queue, id FROM mq.messages m WHERE NOT EXISTS (
                SELECT FROM mq.completions d WHERE d.queue = m.queue AND d.lane = m.lane AND d.seq = m.seq AND d.outcome <> 'd')
            UNION ALL SELECT queue, id FROM mq.scheduled UNION ALL SELECT queue, id FROM mq.dead_letters
            UNION ALL SELECT queue, id FROM mq.held) AS everywhere
            GROUP BY queue, id HAVING count(*) <> 1
        UNION ALL SELECT 'held, but its key is not blocked: ' || h.key FROM mq.held h
            WHERE NOT EXISTS (SELECT FROM mq.blocked_keys b WHERE b.queue = h.queue AND b.key = h.key)
        UNION ALL SELECT 'blocked without reason: ' || b.key FROM mq.blocked_keys b WHERE b.replaying = 0
            AND NOT EXISTS (SELECT FROM mq.held h WHERE h.queue = b.queue AND h.key = b.key)
        UNION ALL SELECT 'blocked key counts ' || b.replaying || ' in flight, not ' || (SELECT count(*) FROM mq.messages m
                WHERE m.queue = b.queue AND m.key = b.key AND m.rank IS NOT NULL AND NOT EXISTS (
                    SELECT FROM mq.completions d WHERE d.queue = m.queue AND d.lane = m.lane AND d.seq = m.seq))
            FROM mq.blocked_keys b WHERE b.replaying <> (SELECT count(*) FROM mq.messages m
                WHERE m.queue = b.queue AND m.key = b.key AND m.rank IS NOT NULL AND NOT EXISTS (
                    SELECT FROM mq.completions d WHERE d.queue = m.queue AND d.lane = m.lane AND d.seq = m.seq))
        UNION ALL SELECT 'tallied ' || told || ' of kind ' || kind::text || ' in queue ' || queue || ', there are ' || counted FROM (
            SELECT q.id AS queue, k.kind,
                (SELECT coalesce(sum(change), 0) FROM mq.tallies t WHERE t.queue = q.id AND t.kind = k.kind) AS told,
                CASE k.kind WHEN 's' THEN (SELECT count(*) FROM mq.scheduled d WHERE d.queue = q.id AND d.attempt = 1)
                    WHEN 'r' THEN (SELECT count(*) FROM mq.scheduled d WHERE d.queue = q.id AND d.attempt > 1)
                    WHEN 'f' THEN (SELECT count(*) FROM mq.dead_letters d WHERE d.queue = q.id)
                    WHEN 'h' THEN (SELECT count(*) FROM mq.held d WHERE d.queue = q.id)
                    ELSE (SELECT count(*) FROM mq.blocked_keys d WHERE d.queue = q.id) END AS counted
            FROM mq.queues q, unnest(ARRAY['s', 'r', 'f', 'h', 'k']::"char"[]) AS k(kind)) AS books WHERE told <> counted
        UNION ALL SELECT DISTINCT 'of a queue that is gone: ' || part FROM (
            SELECT 'messages' AS part, queue FROM mq.messages UNION ALL SELECT 'claims', queue FROM mq.claims
            UNION ALL SELECT 'completions', queue FROM mq.completions UNION ALL SELECT 'leases', queue FROM mq.leases
            UNION ALL SELECT 'scheduled', queue FROM mq.scheduled UNION ALL SELECT 'held', queue FROM mq.held
            UNION ALL SELECT 'dead letters', queue FROM mq.dead_letters UNION ALL SELECT 'tallies', queue FROM mq.tallies) AS rest
            WHERE NOT EXISTS (SELECT FROM mq.queues q WHERE q.id = rest.queue)
        """
}
