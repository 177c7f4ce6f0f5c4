import Foundation
import Postgres

/// A dead letter that was sent back, and what has become of it since.
public struct RedrivenMessage: Sendable, Codable {
    /// The ticket of the letter that it was.
    public let ticket: Int64
    /// Its last attempt; nil when that is older than the retention.
    public let attempt: TraceEntry?
    /// The message.
    public let message: MessageID
    /// Its queue.
    public let queue: QueueName
}

extension Broker {
    /// What became of what a redrive sent back, in the order of the letters' deaths. Each is found by the index on ids.
    ///
    /// - Parameters:
    ///   - number: of the action. Kept for a month.
    ///   - ticket: those after this one: the last of the page before.
    ///   - limit: the most that are told, 1 or more.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func redriven(
        by number: Int64, after ticket: Int64 = 0, limit: Int = 100
    ) async throws -> [RedrivenMessage] {
        try QueueError.demand(limit: limit)
        return try await database.read(Self.redriven, number, ticket, Int64(limit)) { row in
            let isThere = try row[4, as: UUID?.self] != nil
            return RedrivenMessage(
                ticket: try row[0], attempt: isThere ? try TraceEntry(row, from: 3) : nil,
                message: MessageID(try row[1]),
                queue: QueueName(try row[2]))
        }
    }

    static let redriven = Statement(
        """
        SELECT r.ticket, r.id, q.name, q.name, \(redrivenColumns)
        FROM mq.redriven r JOIN mq.queues q ON q.id = r.queue
        LEFT JOIN LATERAL (
            SELECT \(attemptColumns)
            FROM (SELECT n.* FROM mq.messages n WHERE n.id = r.id AND n.queue + 0 = r.queue
                  ORDER BY n.appended_at DESC LIMIT 1) AS m \(attemptJoins)
        ) AS a ON true
        WHERE r.action = $1 AND r.ticket > $2 ORDER BY r.ticket LIMIT $3
        """)
    private static let redrivenColumns = """
        a.id, a.topic, a.key, a.tag, a.attempt, a.sent_at, a.appended_at, a.claimed_at, a.worker, a.finished_at, a.outcome, a.error
        """
    /// What ``forgetRedriven``, and ``SentKeys/forget``, take away at once.
    static let mostForgotten = 10_000
    static let forgetRedriven: Statement = """
        DELETE FROM mq.redriven WHERE (action, ticket) IN (
            SELECT r.action, r.ticket FROM mq.redriven r JOIN mq.operator_actions a ON a.number = r.action
            WHERE a.began_at < now() - interval '30 days' ORDER BY r.action, r.ticket LIMIT 10000)
        """
}
