public import Foundation
import Postgres

/// The dead letters of a queue that were given up for one reason.
public struct DeadLetterGroup: Sendable, Codable, Equatable {
    /// The queue that they died in.
    public let queue: QueueName
    /// Why, see ``DeadLetter/reason``.
    public let reason: String
    /// How many there are.
    public let count: Int
    /// When the first of them died, by the database's clock.
    public let first: Date
    /// When the last of them died.
    public let last: Date
}

extension Broker {
    /// How many dead letters there are for which reason, by queue, the most first.
    ///
    /// Counted along the index of reasons, without reading the letters: many millions take seconds.
    /// - Parameters:
    ///   - queue: only of this one; nil of all.
    ///   - limit: the longest that it may take; nil for as long as the server needs.
    /// - Throws: `PostgresError`, of kind `deadlineExceeded` when the limit has passed.
    public func deadLetterGroups(
        of queue: QueueName? = nil, within limit: Duration? = nil
    ) async throws -> [DeadLetterGroup] {
        try await database.read(Self.groupDead, queue?.text, within: limit) { row in
            DeadLetterGroup(
                queue: QueueName(try row[0]), reason: try row[1], count: try row[2], first: try row[3],
                last: try row[4])
        }
    }

    /// Index-only along `dead_letters_reason`, as far as the table has been vacuumed.
    static let groupDead: Statement = """
        SELECT q.name, d.reason, count(*), min(d.died_at), max(d.died_at)
        FROM mq.dead_letters d JOIN mq.queues q ON q.id = d.queue
        WHERE $1::text IS NULL OR q.name = $1
        GROUP BY q.name, d.reason ORDER BY q.name, count(*) DESC, d.reason
        """
}
