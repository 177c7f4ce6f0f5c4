import Durations
public import Foundation
import Postgres

/// A queue in which something that isn't finished keeps old messages of all queues from being dropped.
public struct SegmentHolder: Sendable, Codable, Equatable {
    /// The queue.
    public let queue: QueueName
    /// When the oldest part of the log was begun, which can't go, by the database's clock.
    public let since: Date
}

extension Broker {
    /// The queues that keep the oldest part of the log, when it should have been dropped more than an hour ago.
    ///
    /// The log goes by the segment, once all in it is finished, see ``WorkerOptions/retention``: a message that waits for weeks keeps
    /// what all queues have stored since. Costs one small look-up while all goes well, else a few index steps per lane, and the places
    /// of claims that are open.
    /// - Parameter keep: how long finished messages are to be kept; up to 366 days.
    public func segmentHolders(beyond keep: Duration) async throws -> [SegmentHolder] {
        let old = try await database.read(Self.overstaying, keep.bounded.inSeconds + Self.margin) { row in
            (number: try row[0, as: Int32.self], since: try row[1, as: Date.self])
        }
        guard let oldest = old.first else { return [] }
        let names = try await database.read(Self.holders, Int64(oldest.number) << 40) { try $0[0, as: String.self] }
        return names.map { SegmentHolder(queue: QueueName($0), since: oldest.since) }
    }

    /// Between two rounds of the upkeep, and for a lock that could not be had.
    private static let margin = 3600.0

    static let overstaying: Statement = """
        SELECT s.segment, s.opened_at FROM mq.segments s
        WHERE (SELECT n.opened_at FROM mq.segments n WHERE n.segment > s.segment ORDER BY n.segment LIMIT 1)
            < clock_timestamp() - make_interval(secs => $1)
        ORDER BY s.segment LIMIT 1
        """
    /// As `mq.has_unfinished` finds it, with the names. By the primary keys of what lies in the segment.
    static let holders: Statement = """
        SELECT DISTINCT q.name FROM mq.queues q JOIN mq.lanes l ON l.queue = q.id
        CROSS JOIN LATERAL (
            SELECT m.seq AS last FROM mq.messages m WHERE m.queue = l.queue AND m.lane = l.lane
                AND m.seq >= $1 AND m.seq < $1 + (1::bigint << 40) ORDER BY m.seq DESC LIMIT 1) AS stored
        LEFT JOIN LATERAL (
            SELECT c.last_seq AS last FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
                AND c.last_seq >= $1 AND c.last_seq < $1 + (1::bigint << 40) ORDER BY c.last_seq DESC LIMIT 1) AS claimed ON true
        LEFT JOIN LATERAL (
            SELECT c.watermark FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
            ORDER BY c.last_seq DESC LIMIT 1) AS newest ON true
        LEFT JOIN mq.watermarks kept ON kept.queue = l.queue AND kept.lane = l.lane
        WHERE greatest(newest.watermark, kept.watermark, 0) < stored.last AND (
            claimed.last IS DISTINCT FROM stored.last OR EXISTS (
                SELECT FROM mq.claims c, generate_series(c.first_seq, c.last_seq) AS place(seq)
                WHERE c.queue = l.queue AND c.lane = l.lane AND c.last_seq >= $1 AND c.last_seq < $1 + (1::bigint << 40)
                  AND c.last_seq > greatest(newest.watermark, kept.watermark, 0)
                  AND (SELECT d.seq FROM mq.completions d
                       WHERE d.queue = l.queue AND d.lane = l.lane AND d.seq = place.seq LIMIT 1) IS NULL))
        ORDER BY q.name
        """
}
