public import Foundation
import Postgres

/// One attempt of a message, or its present stand outside of the log.
public struct TraceEntry: Sendable, Codable {
    public let queue: String
    public let message: String
    public let topic: String?
    public let key: String?
    public let tag: String?
    public let attempt: Int
    public let appendedAt: Date
    public let claimedAt: Date?
    /// `name/version host pid` of the consumer.
    public let worker: String?
    public let finishedAt: Date?
    /// waiting, in flight, done, retried, expired, dead, released, held; or, as they stand now: scheduled, held back, dead
    /// letter.
    public let outcome: String
    public let error: String?
}

extension Broker {
    /// Every attempt of every message with this id or this key, in the order of their times, as far as the retention
    /// reaches. Found by index.
    public func trace(_ text: String) async throws -> [TraceEntry] {
        try await database.read(Self.trace, MessageID(text)?.uuid, text) { row in
            TraceEntry(
                queue: try row[0], message: try row[1, as: UUID.self].uuidString.lowercased(), topic: try row[2],
                key: try row[3], tag: try row[4], attempt: try row[5], appendedAt: try row[6], claimedAt: try row[7],
                worker: try row[8], finishedAt: try row[9], outcome: try row[10], error: try row[11])
        }
    }

    static let trace: Statement = """
        SELECT q.name, e.id, e.topic, e.key, e.tag, e.attempt, e.appended_at, e.claimed_at, e.worker, e.finished_at, e.outcome, e.error
        FROM (
            SELECT m.queue, m.id, m.topic, m.key, m.tag, m.attempt, m.appended_at, c.claimed_at,
                w.name || '/' || w.version || ' ' || w.host || ' ' || w.pid AS worker, d.finished_at,
                CASE WHEN d.outcome IS NOT NULL THEN
                    CASE d.outcome WHEN 'd' THEN 'done' WHEN 'r' THEN 'retried' WHEN 'x' THEN 'expired' WHEN 'f' THEN 'dead'
                        WHEN 'h' THEN 'held' ELSE 'released' END
                    WHEN c.consumer IS NOT NULL THEN 'in flight' ELSE 'waiting' END AS outcome,
                d.error
            FROM mq.messages m
            LEFT JOIN LATERAL (
                SELECT c.* FROM mq.claims c WHERE c.queue = m.queue AND c.lane = m.lane AND c.last_seq >= m.seq
                ORDER BY c.last_seq LIMIT 1) AS c ON c.first_seq <= m.seq
            LEFT JOIN mq.consumers w ON w.id = c.consumer
            LEFT JOIN mq.completions d ON d.queue = m.queue AND d.lane = m.lane AND d.seq = m.seq
            WHERE m.id = $1 OR m.key = $2
            UNION ALL
            SELECT f.queue, f.id, f.topic, f.key, f.tag, f.attempt, f.due_at, NULL, NULL, NULL, 'scheduled', NULL
            FROM mq.scheduled f WHERE f.id = $1 OR f.key = $2
            UNION ALL
            SELECT h.queue, h.id, h.topic, h.key, h.tag, h.attempt, b.since, NULL, NULL, NULL, 'held back', b.error
            FROM mq.held h JOIN mq.blocked_keys b ON b.queue = h.queue AND b.key = h.key WHERE h.id = $1 OR h.key = $2
            UNION ALL
            SELECT l.queue, l.id, l.topic, l.key, l.tag, l.attempts, l.died_at, NULL, NULL, NULL, 'dead letter',
                l.reason || coalesce(': ' || l.error, '')
            FROM mq.dead_letters l WHERE l.id = $1 OR l.key = $2) AS e
        JOIN mq.queues q ON q.id = e.queue
        ORDER BY e.appended_at, e.attempt
        """
}
