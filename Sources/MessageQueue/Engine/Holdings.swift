public import Foundation
import Postgres

/// What a consumer has of a queue in its hands.
public struct Holding: Sendable, Codable, Equatable {
    /// The consumer's number, see ``ConsumerEntry/id``; 0 for what programs hold that receive by hand.
    public let consumer: Int64
    /// The queue.
    public let queue: QueueName
    /// How many messages.
    public let messages: Int
    /// When the first of them was claimed, by the database's clock.
    public let since: Date
}

extension Broker {
    /// Who holds how many messages of which queue. Costs what ``statistics()`` costs: the places in flight.
    public func holdings() async throws -> [Holding] {
        try await database.read(Self.holdings) { row in
            Holding(consumer: try row[0], queue: QueueName(try row[1]), messages: try row[2], since: try row[3])
        }
    }

    /// The open places lie between the newest claim's watermark and its end, see ``depths``.
    static let holdings: Statement = """
        SELECT open.consumer, q.name, sum(open.places)::bigint, min(open.claimed_at)
        FROM mq.queues q JOIN mq.lanes l ON l.queue = q.id
        CROSS JOIN LATERAL (
            SELECT greatest(coalesce(k.watermark, 0), (
                SELECT c.watermark FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
                ORDER BY c.last_seq DESC LIMIT 1)) AS watermark
            FROM (SELECT 1) AS one LEFT JOIN mq.watermarks k ON k.queue = l.queue AND k.lane = l.lane) AS claim
        CROSS JOIN LATERAL (
            SELECT c.consumer, c.claimed_at, c.places - (
                SELECT count(*) FROM mq.completions d
                WHERE d.queue = l.queue AND d.lane = l.lane AND d.seq BETWEEN c.first_seq AND c.last_seq) AS places
            FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane AND c.last_seq > claim.watermark) AS open
        WHERE open.places > 0 GROUP BY open.consumer, q.name ORDER BY open.consumer, q.name
        """
}
