public import Foundation
import Postgres

/// A key of an ordered queue whose messages wait, because one of them failed.
public struct BlockedKey: Sendable, Codable {
    /// The queue that keeps order.
    public let queue: QueueName
    /// The key, as its sender gave it.
    public let key: String
    /// When a message of the key failed first, by the database's clock.
    public let since: Date
    /// When the message at its head is delivered again; nil when it is in flight just now, or waits for an operator.
    public let retryAt: Date?
    /// Whether it failed for good, and waits until ``Broker/retryBlocked(_:key:)`` or ``Broker/skipBlocked(_:key:)``.
    public let needsOperator: Bool
    /// Messages of this key that wait, as far as they have been looked at, the one at the head included.
    public let held: Int
    /// The message at the head, and the attempt that comes next; nil while it is in flight.
    public let message: MessageID?
    /// The attempt that comes next for the message at the head; nil while that is in flight.
    public let attempt: Int?
    /// Why it failed last.
    public let error: String?
}

extension Broker {
    /// The keys that are blocked, the longest ones first. Costs what there are of them.
    ///
    /// - Parameters:
    ///   - queue: only of this one; nil of all.
    ///   - limit: the most that are told, 1 or more.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func blockedKeys(of queue: QueueName? = nil, limit: Int = 100) async throws -> [BlockedKey] {
        try QueueError.demand(limit: limit)
        return try await database.read(Self.listBlocked, queue?.text, Int64(limit)) { row in
            BlockedKey(
                queue: QueueName(try row[0]), key: try row[1], since: try row[2], retryAt: try row[3],
                needsOperator: try row[4], held: try row[5],
                message: try row[6, as: UUID?.self].map { MessageID($0) }, attempt: try row[7], error: try row[8])
        }
    }

    /// Tries a blocked key again at once, with all attempts anew for the message at its head.
    ///
    /// - Returns: false when nothing of the key is held: it isn't blocked, or its head is in flight just now.
    @discardableResult
    public func retryBlocked(_ queue: QueueName, key: String) async throws -> Bool {
        try await move(queue, key, Self.freshAttempts, Deed(.retryBlocked, queue, ["key": key]))
    }

    /// Makes a dead letter of the message at the head of a blocked key, reason `skipped`, and lets the key go on without it.
    ///
    /// - Returns: as ``retryBlocked(_:key:)``.
    @discardableResult
    public func skipBlocked(_ queue: QueueName, key: String) async throws -> Bool {
        try await move(queue, key, Self.buryHead, Deed(.skipBlocked, queue, ["key": key]))
    }

    private func move(
        _ queue: QueueName, _ key: String, _ statement: Statement, _ deed: Deed
    ) async throws -> Bool {
        let moved = try await writeLookingAgain(on: database) { session in
            let entry = try self.catalogue.queue(queue, in: session)
            // Against a replay of the same key, which takes its head away.
            guard try session.execute(Self.lockKey, entry.id, key) > 0 else { return false }
            let moved = try session.execute(statement, entry.id, key) > 0
            if moved {
                session.pipeline(Self.goOn, entry.id, key)
                session.pipeline(Self.unblock, entry.id, key)
                try self.record(deed, messages: 1, in: session)
            }
            self.ring([entry.id], after: session)
            return moved
        }
        await flush()
        return moved
    }

    static let listBlocked: Statement = """
        SELECT q.name, b.key, b.since, CASE WHEN b.replaying = 0 AND b.retry_at < 'infinity' THEN greatest(b.retry_at, b.since) END,
            b.replaying = 0 AND b.retry_at = 'infinity',
            (SELECT count(*) FROM mq.held h WHERE h.queue = b.queue AND h.key = b.key), head.id, head.attempt, b.error
        FROM mq.blocked_keys b JOIN mq.queues q ON q.id = b.queue
        LEFT JOIN LATERAL (SELECT h.id, h.attempt FROM mq.held h WHERE h.queue = b.queue AND h.key = b.key AND b.replaying = 0
            ORDER BY h.rank LIMIT 1) AS head ON true
        WHERE $1::text IS NULL OR q.name = $1 ORDER BY b.since, q.name, b.key LIMIT $2
        """
    /// Of a queue that is gone nothing would be found, either, as of a key that isn't blocked.
    static let lockKey: Statement = """
        SELECT 1 FROM mq.known_queue($1) q JOIN mq.blocked_keys b ON b.queue = q.id AND b.key = $2 FOR UPDATE OF b
        """
    static let goOn: Statement = "UPDATE mq.blocked_keys SET retry_at = now() WHERE queue = $1 AND key = $2"
    /// After the last one that was held.
    static let unblock: Statement = """
        DELETE FROM mq.blocked_keys b WHERE b.queue = $1 AND b.key = $2 AND b.replaying = 0
            AND NOT EXISTS (SELECT FROM mq.held h WHERE h.queue = b.queue AND h.key = b.key)
        """
    static let freshAttempts = Statement("UPDATE mq.held h SET attempt = 1 WHERE \(head)")
    static let buryHead = Statement(
        """
        WITH gone AS (DELETE FROM mq.held h WHERE \(head) RETURNING h.*)
        INSERT INTO mq.dead_letters (queue, attempts, id, sent_at, topic, key, tag, headers, body, reason, error, history)
        SELECT g.queue, g.attempt, g.id, g.sent_at, g.topic, g.key, g.tag, g.headers, g.body, 'skipped', b.error, \(history(of: "g"))
        FROM gone g JOIN mq.blocked_keys b ON b.queue = g.queue AND b.key = g.key
        """)
    /// Not while a message ahead of it is in flight.
    private static let head = """
        (h.queue, h.key, h.rank) IN (
            SELECT f.queue, f.key, f.rank FROM mq.held f JOIN mq.blocked_keys b ON b.queue = f.queue AND b.key = f.key
            WHERE f.queue = $1 AND f.key = $2 AND b.replaying = 0 ORDER BY f.rank LIMIT 1)
        """
}
