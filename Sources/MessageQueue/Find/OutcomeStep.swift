import Durations
public import Foundation
import Postgres

/// What became of the attempts that were added to a queue within one stretch of time.
public struct OutcomeStep: Sendable, Codable, Equatable {
    /// When the stretch begins, by the database's clock.
    public let since: Date
    /// When it ends.
    public let until: Date
    /// How many attempts were added, counted exactly.
    public let attempts: Int
    /// How many of them, about, had which outcome: exactly where there were few, else by a sample of the newest of each lane.
    public let outcomes: [String: Double]

    /// About how many had this outcome.
    public func count(_ outcome: TraceEntry.Outcome) -> Double { outcomes[outcome.rawValue] ?? 0 }
}

extension Broker {
    /// What became of a queue's latest attempts, over time, the oldest stretch first.
    ///
    /// Costs a bisection per lane and stretch, and as many looks as the samples have: it does not grow with the traffic.
    /// - Parameters:
    ///   - queue: whose attempts.
    ///   - stretch: how long each stretch is, a second or more.
    ///   - count: how many there are, 1 to 100.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func outcomes(of queue: QueueName, each stretch: Duration, count: Int) async throws -> [OutcomeStep] {
        try QueueError.demand("count", count, in: 1...100, or: QueueError.invalidArgument)
        try QueueError.demand("stretch", stretch, in: .seconds(1)...MessageLimits.delay, or: QueueError.invalidArgument)
        let parts = try await database.read(
            Self.outcomes, queue.text, stretch.inSeconds, Int32(count), Int32(Self.sample)
        ) { try Part($0) }
        return Dictionary(grouping: parts, by: \.since).values.map(Self.step).sorted { $0.since < $1.since }
    }

    private static let sample = 40

    /// An outcome within one lane and stretch.
    private struct Part: Sendable {
        let since, until: Date
        let lane: Int16
        let attempts, sampled, count: Int
        let outcome: String?

        init(_ row: borrowing Row) throws {
            since = try row[0]
            until = try row[1]
            lane = try row[2]
            attempts = try row[3]
            outcome = try row[4]
            count = try row[5]
            sampled = try row[6]
        }
    }

    private static func step(_ parts: [Part]) -> OutcomeStep {
        var outcomes: [String: Double] = [:]
        for part in parts where part.sampled > 0 {
            guard let outcome = part.outcome else { continue }
            outcomes[outcome, default: 0] += Double(part.count) / Double(part.sampled) * Double(part.attempts)
        }
        let lanes = Dictionary(parts.map { ($0.lane, $0.attempts) }) { first, _ in first }
        return OutcomeStep(
            since: parts[0].since, until: parts[0].until, attempts: lanes.values.reduce(0, +), outcomes: outcomes)
    }

    /// By `mq.place_at` per lane and edge; the number of attempts is a difference of dense ordinals. The samples walk the primary key
    /// back from there.
    static let outcomes: Statement = """
        WITH edge AS MATERIALIZED (
            SELECT l.queue, l.lane, n, e.at, e.seq, mq.ordinal(e.seq) AS ordinal
            FROM mq.queues q JOIN mq.lanes l ON l.queue = q.id CROSS JOIN generate_series(0, $3::int) AS n
            CROSS JOIN LATERAL (
                SELECT date_trunc('second', now()) - make_interval(secs => $2 * ($3 - n)) AS at OFFSET 0) AS t
            CROSS JOIN LATERAL (
                SELECT t.at, coalesce((
                    SELECT m.seq FROM mq.messages m WHERE m.queue = l.queue AND m.lane = l.lane
                        AND m.seq <= mq.place_at(l.queue, l.lane, t.at) ORDER BY m.seq DESC LIMIT 1), 0) AS seq OFFSET 0) AS e
            WHERE q.name = $1),
        stretch AS (
            SELECT a.queue, a.lane, a.at AS since, b.at AS until, a.seq AS after, b.seq AS last,
                CASE WHEN a.seq > 0 OR b.seq = 0 THEN b.ordinal - a.ordinal ELSE (
                    SELECT b.ordinal - mq.ordinal(m.seq) + 1 FROM mq.messages m WHERE m.queue = a.queue AND m.lane = a.lane
                    ORDER BY m.seq LIMIT 1) END AS attempts
            FROM edge a JOIN edge b ON b.queue = a.queue AND b.lane = a.lane AND b.n = a.n + 1)
        SELECT s.since, s.until, s.lane, s.attempts, o.outcome, coalesce(o.count, 0),
            coalesce(sum(o.count) OVER (PARTITION BY s.since, s.lane), 0)::bigint
        FROM stretch s LEFT JOIN LATERAL (
            SELECT coalesce(CASE d.outcome WHEN 'd' THEN 'done' WHEN 'r' THEN 'retried' WHEN 'x' THEN 'expired' WHEN 'f' THEN 'dead'
                    WHEN 'h' THEN 'held' WHEN 'o' THEN 'outdated' WHEN 'p' THEN 'purged' WHEN 'b' THEN 'released' END,
                    CASE WHEN k.first_seq <= m.seq THEN 'in flight' ELSE 'waiting' END) AS outcome, count(*) AS count
            FROM (SELECT n.* FROM mq.messages n WHERE n.queue = s.queue AND n.lane = s.lane AND n.seq > s.after AND n.seq <= s.last
                  ORDER BY n.seq DESC LIMIT $4) AS m
            LEFT JOIN LATERAL (
                SELECT c.outcome FROM mq.completions c WHERE c.queue = m.queue AND c.lane = m.lane AND c.seq = m.seq LIMIT 1) AS d ON true
            LEFT JOIN LATERAL (
                SELECT c.first_seq FROM mq.claims c WHERE d.outcome IS NULL AND c.queue = m.queue AND c.lane = m.lane
                    AND c.last_seq >= m.seq
                ORDER BY c.last_seq LIMIT 1) AS k ON true
            GROUP BY 1) AS o ON true
        """
}
