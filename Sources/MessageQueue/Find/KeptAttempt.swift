public import Foundation
import Postgres

/// What became of an attempt, as the dead letter keeps it: for longer than the log does.
public struct KeptAttempt: Sendable, Codable, Equatable {
    /// The queue that the message died in.
    public let queue: QueueName
    /// 1 for the first delivery.
    public let attempt: Int
    /// What became of it; nil when that wasn't known when the message was given up.
    public let outcome: TraceEntry.Outcome?
    /// When it was finished, by the database's clock.
    public let finishedAt: Date?
    /// Why it failed.
    public let error: String?
}

extension Broker {
    /// What the dead letters of a message keep of its attempts, letter by letter, the oldest attempt first.
    func keptAttempts(of message: MessageID, limit: Int) async throws -> [KeptAttempt] {
        try await database.read(Self.keptAttempts, message.uuid, Int64(limit)) { row in
            KeptAttempt(
                queue: QueueName(try row[0]), attempt: try row[1],
                outcome: try row[2, as: String?.self].flatMap { TraceEntry.Outcome(rawValue: $0) },
                finishedAt: try row[3], error: try row[4])
        }
    }

    /// By the index on ids.
    static let keptAttempts = Statement(
        """
        SELECT q.name, (h.entry->>'attempt')::int, \(outcomeName("h.entry->>'outcome'")), (h.entry->>'at')::timestamptz, h.entry->>'error'
        FROM mq.dead_letters l JOIN mq.queues q ON q.id = l.queue
        CROSS JOIN LATERAL jsonb_array_elements(l.history) WITH ORDINALITY AS h(entry, number)
        WHERE l.id = $1 ORDER BY l.ticket, h.number LIMIT $2
        """)
}
