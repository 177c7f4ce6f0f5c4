public import Foundation
import Postgres

/// How a queue stands at one instant.
public struct QueueStatistics: Sendable, Codable {
    /// The queue.
    public let queue: QueueName
    /// Waiting in the log.
    public let depth: Int
    /// Claimed, and not finished.
    public let inFlight: Int
    /// Not due yet, and never tried: delayed sends, and messages that were given back before their first attempt counted.
    public let scheduled: Int
    /// Not due yet, after an attempt that failed: they wait for their back-off.
    public let retrying: Int
    /// Behind a message of their key that failed, in a queue that keeps order; that message included.
    public let held: Int
    /// Keys that are blocked by such messages.
    public let blockedKeys: Int
    /// Dead letters.
    public let dead: Int
    /// Purged by an operator, ever.
    public let purged: Int
    /// Dropped because they were older than the queue's retention, ever.
    public let outdated: Int
    /// Claimed, ever: the difference between two readings is a rate.
    public let claimed: Int
    /// Appended, ever, each attempt counted.
    public let appended: Int
    /// Age of the oldest waiting message, in seconds; nil when none waits.
    public let oldestWaiting: Double?
    /// How long ago, in seconds, the first of those that were not due yet became due: whoever receives moves it into the log, and that
    /// is soon unless nobody does. Nil when none is due.
    public let overdue: Double?
    /// Whether an operator has stopped its deliveries.
    public let isPaused: Bool
    /// By the database's clock.
    public let readAt: Date
}

extension Broker {
    /// How every queue stands. Costs a few index steps per lane, and the places in flight; never a scan of a backlog.
    public func statistics() async throws -> [QueueStatistics] { try await statistics(ofQueues: nil) }

    /// How one queue stands, at the cost of its own lanes.
    ///
    /// - Throws: ``QueueError/unknownQueue(_:)``.
    public func statistics(of queue: QueueName) async throws -> QueueStatistics {
        guard let one = try await statistics(ofEach: [queue]).first else { throw QueueError.unknownQueue(queue) }
        return one
    }

    /// How some queues stand, at the cost of their own lanes. Those that there are not are left out.
    public func statistics(ofEach queues: [QueueName]) async throws -> [QueueStatistics] {
        queues.isEmpty ? [] : try await statistics(ofQueues: queues)
    }

    private func statistics(ofQueues names: [QueueName]?) async throws -> [QueueStatistics] {
        try await database.read(Self.depths, names?.map(\.text)) { row in
            QueueStatistics(
                queue: QueueName(try row[0]), depth: try row[1], inFlight: try row[2], scheduled: try row[3],
                retrying: try row[13], held: try row[11], blockedKeys: try row[12], dead: try row[4],
                purged: try row[5], outdated: try row[14], claimed: try row[6], appended: try row[7],
                oldestWaiting: try row[8], overdue: try row[15], isPaused: try row[9], readAt: try row[10])
        }
    }

    /// Depth is the difference of two dense ordinals per lane; the numbers of scheduled, held and dead ones are kept sums; the
    /// open places lie between the newest claim's watermark and its end. What is due first is found by `scheduled_due`.
    static let depths: Statement = """
        SELECT q.name, lanes.depth, lanes.open, sums.scheduled, sums.dead, sums.purged, lanes.claimed, lanes.appended,
            lanes.oldest, q.paused_at IS NOT NULL, clock_timestamp(), sums.held, sums.blocked, sums.retrying, sums.outdated,
            (SELECT extract(epoch FROM clock_timestamp() - first.due_at) FROM (
                SELECT s.due_at FROM mq.scheduled s WHERE s.queue = q.id ORDER BY s.due_at LIMIT 1) AS first
             WHERE first.due_at < clock_timestamp())::float8
        FROM mq.queues q, LATERAL (
            SELECT coalesce(sum(mq.ordinal(newest.seq) - mq.ordinal(cursor.seq)), 0)::bigint AS depth,
                coalesce(sum(mq.ordinal(cursor.seq)), 0)::bigint AS claimed,
                coalesce(sum(mq.ordinal(newest.seq)), 0)::bigint AS appended,
                coalesce(sum(open.places), 0)::bigint AS open,
                max(extract(epoch FROM clock_timestamp() - next.appended_at))::float8 AS oldest
            FROM mq.lanes l, LATERAL (
                SELECT coalesce((SELECT m.seq FROM mq.head_messages m WHERE m.queue = l.queue AND m.lane = l.lane
                                 ORDER BY m.seq DESC LIMIT 1), l.closed_seq) AS seq) AS newest,
            LATERAL (
                SELECT coalesce((SELECT c.last_seq FROM mq.head_claims c WHERE c.queue = l.queue AND c.lane = l.lane
                                 ORDER BY c.last_seq DESC LIMIT 1),
                    CASE WHEN l.floor_seq < l.closed_seq THEN mq.cursor(l.queue, l.lane) ELSE l.floor_seq END) AS seq) AS cursor
            LEFT JOIN LATERAL (
                SELECT m.appended_at FROM mq.messages m
                WHERE newest.seq > cursor.seq AND m.queue = l.queue AND m.lane = l.lane AND m.seq > cursor.seq
                ORDER BY m.seq LIMIT 1) AS next ON true
            LEFT JOIN LATERAL (
                SELECT greatest(coalesce(k.watermark, 0), (
                    SELECT c.watermark FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
                    ORDER BY c.last_seq DESC LIMIT 1)) AS watermark
                FROM (SELECT 1) AS one LEFT JOIN mq.watermarks k ON k.queue = l.queue AND k.lane = l.lane) AS claim ON true
            LEFT JOIN LATERAL (
                SELECT sum(c.places - (
                    SELECT count(*) FROM mq.completions d
                    WHERE d.queue = l.queue AND d.lane = l.lane AND d.seq BETWEEN c.first_seq AND c.last_seq)) AS places
                FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane AND c.last_seq > claim.watermark
            ) AS open ON true
            WHERE l.queue = q.id) AS lanes,
        LATERAL (
            SELECT coalesce(sum(change) FILTER (WHERE kind = 's'), 0)::bigint AS scheduled,
                coalesce(sum(change) FILTER (WHERE kind = 'r'), 0)::bigint AS retrying,
                coalesce(sum(change) FILTER (WHERE kind = 'f'), 0)::bigint AS dead,
                coalesce(sum(change) FILTER (WHERE kind = 'p'), 0)::bigint AS purged,
                coalesce(sum(change) FILTER (WHERE kind = 'o'), 0)::bigint AS outdated,
                coalesce(sum(change) FILTER (WHERE kind = 'h'), 0)::bigint AS held,
                coalesce(sum(change) FILTER (WHERE kind = 'k'), 0)::bigint AS blocked
            FROM mq.tallies t WHERE t.queue = q.id) AS sums
        WHERE $1::text[] IS NULL OR q.name = ANY ($1)
        ORDER BY q.created_at, q.name
        """

    /// Folds the tallies of each queue into one row a kind, once that is worth it. Rows that come meanwhile are left for
    /// the next time. Not while a queue is deleted with its tallies: their sum would be left behind.
    static let foldTallies: Statement = """
        WITH old AS (
            DELETE FROM mq.tallies WHERE CASE WHEN (SELECT count(*) FROM mq.tallies) > 1000
                THEN EXISTS (SELECT FROM pg_advisory_xact_lock(mq.lock_class(), -1)) ELSE false END
            RETURNING queue, kind, change)
        INSERT INTO mq.tallies (queue, kind, change) SELECT queue, kind, sum(change) FROM old GROUP BY queue, kind
        """
}
