import Durations
public import Foundation
import Postgres

/// How far a queue had come at one moment, as the log tells it afterwards.
public struct ActivityMark: Sendable, Codable, Equatable {
    /// The moment, by the database's clock.
    public let at: Date
    /// Appended until then, ever, each attempt counted.
    public let appended: Int
    /// Claimed until then, ever.
    public let claimed: Int

    /// What waited then.
    public var depth: Int { max(0, appended - claimed) }
}

extension Broker {
    /// How far queues had come at moments of the past, the oldest first: the difference of two marks is a rate.
    ///
    /// Costs two bisections per moment and lane that has been busy since; it does not grow with the traffic.
    /// - Parameters:
    ///   - queues: whose activity; those that don't exist are left out.
    ///   - stretch: how far the moments lie apart, a second or more.
    ///   - count: how many stretches there are up to now, 1 to 100; there is one moment more.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func activity(
        of queues: [QueueName], each stretch: Duration, count: Int
    ) async throws -> [QueueName: [ActivityMark]] {
        try QueueError.demand("count", count, in: 1...100, or: QueueError.invalidArgument)
        try QueueError.demand("stretch", stretch, in: .seconds(1)...MessageLimits.delay, or: QueueError.invalidArgument)
        let rows = try await database.read(
            Self.activity, queues.map(\.text), stretch.inSeconds, Int32(count)
        ) { row in
            (
                QueueName(try row[0]),
                ActivityMark(at: try row[1], appended: try row[2], claimed: try row[3])
            )
        }
        return Dictionary(grouping: rows, by: \.0).mapValues { $0.map(\.1) }
    }

    /// How many messages a second were published to each topic lately; a topic that nobody hears is not in it.
    ///
    /// Read from the log of a queue that hears the topic: what was appended there since is counted exactly, and which share of it is the
    /// topic's tells a sample of the newest messages. Where all who hear it choose by tags, it is what one of them hears. Costs a
    /// bisection and a sample per lane of those queues.
    /// - Parameters:
    ///   - stretch: how long lately is, a second or more.
    ///   - limit: the longest that it may take; nil for as long as the server needs.
    /// - Throws: ``QueueError/invalidArgument(_:)``; `PostgresError`, of kind `deadlineExceeded` when the limit has passed.
    public func topicRates(
        over stretch: Duration = .seconds(60), within limit: Duration? = nil
    ) async throws -> [TopicName: Double] {
        try QueueError.demand("stretch", stretch, in: .seconds(1)...MessageLimits.delay, or: QueueError.invalidArgument)
        let rates = try await database.read(
            Self.topicRates, stretch.inSeconds, Int32(Self.topicSample), within: limit
        ) { row in (TopicName(try row[0]), try row[1, as: Double.self]) }
        return Dictionary(rates) { first, _ in first }
    }

    private static let topicSample = 20

    /// By `mq.place_at` and `mq.claimed_at` per lane and moment, and the primary keys from there.
    static let activity: Statement = """
        SELECT q.name, t.at, sum(mark.appended)::bigint, sum(mark.claimed)::bigint
        FROM mq.queues q JOIN mq.lanes l ON l.queue = q.id CROSS JOIN generate_series(0, $3::int) AS n
        CROSS JOIN LATERAL (
            SELECT date_trunc('second', now()) - make_interval(secs => $2 * ($3 - n)) AS at OFFSET 0) AS t
        CROSS JOIN LATERAL (
            SELECT coalesce((
                    SELECT mq.ordinal(m.seq) FROM mq.messages m WHERE m.queue = l.queue AND m.lane = l.lane
                        AND m.seq <= mq.place_at(l.queue, l.lane, t.at) ORDER BY m.seq DESC LIMIT 1), (
                    SELECT mq.ordinal(m.seq) - 1 FROM mq.messages m WHERE m.queue = l.queue AND m.lane = l.lane
                    ORDER BY m.seq LIMIT 1), mq.ordinal(l.closed_seq)) AS appended,
                coalesce((
                    SELECT mq.ordinal(c.last_seq) FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
                        AND c.last_seq <= mq.claimed_at(l.queue, l.lane, t.at) ORDER BY c.last_seq DESC LIMIT 1), (
                    SELECT mq.ordinal(c.first_seq) - 1 FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
                    ORDER BY c.last_seq LIMIT 1), mq.ordinal(l.floor_seq)) AS claimed OFFSET 0) AS mark
        WHERE q.name = ANY ($1) GROUP BY q.name, t.at ORDER BY q.name, t.at
        """
    /// Of those who hear a topic, the one that hears all of it, and few others.
    static let topicRates: Statement = """
        WITH heard AS MATERIALIZED (
            SELECT DISTINCT ON (t.id) t.name, s.queue
            FROM mq.topics t JOIN mq.subscriptions s ON s.topic = t.id
            JOIN (SELECT o.queue, count(*) AS topics FROM mq.subscriptions o GROUP BY o.queue) AS other ON other.queue = s.queue
            ORDER BY t.id, s.tags IS NOT NULL, other.topics, s.queue)
        SELECT h.name, (coalesce(sum(lane.appended * lane.own / lane.sampled), 0) / $1)::float8
        FROM heard h JOIN mq.lanes l ON l.queue = h.queue
        CROSS JOIN LATERAL (
            SELECT mq.place_at(l.queue, l.lane, now() - make_interval(secs => $1)) AS seq OFFSET 0) AS since
        LEFT JOIN LATERAL (
            SELECT mq.ordinal(max(s.seq)) - (
                    SELECT mq.ordinal(f.seq) - 1 FROM mq.messages f WHERE f.queue = l.queue AND f.lane = l.lane
                        AND f.seq > since.seq ORDER BY f.seq LIMIT 1) AS appended,
                count(*)::float8 AS sampled,
                (count(*) FILTER (WHERE s.topic = h.name AND s.attempt = 1))::float8 AS own
            FROM (SELECT n.seq, n.topic, n.attempt FROM mq.messages n WHERE n.queue = l.queue AND n.lane = l.lane
                    AND n.seq > since.seq ORDER BY n.seq DESC LIMIT $2) AS s
            HAVING count(*) > 0) AS lane ON true
        GROUP BY h.name
        """
}
