import Foundation
import Postgres

/// A message with all that is known of its way, over all queues that it was published to.
public struct MessageRecord: Sendable {
    /// The message itself; its body may be cut.
    public let message: Message
    /// As far as its queue tells priorities apart: ``Priority/normal`` in one that tells none.
    public let priority: Priority
    /// How many bytes its body has.
    public let bodySize: Int
    /// Every attempt in every queue, and where it stands outside of the log, by time.
    public let attempts: [TraceEntry]
    /// What was sent under the same key, this message among it, by time: what it came from, and what it caused, as far as its
    /// senders passed the key on. Empty without a key.
    public let related: [TraceEntry]
    /// Where it is a dead letter, what that keeps of its attempts, also once the log has dropped them.
    public let kept: [KeptAttempt]

    /// Whether all of the body is here.
    public var isWhole: Bool { message.body.count == bodySize }
}

extension Broker {
    /// All about one message; nil when nothing is known of it: it never was, or is older than the retention.
    ///
    /// Found by the indexes on ids and keys; two statements, one more with a key, and one for a dead letter.
    /// - Parameters:
    ///   - id: the message's, the same in every queue.
    ///   - bodyLimit: as many bytes of the body are read, from its beginning; none for 0.
    ///   - limit: the most attempts that are told, see ``trace(_:limit:)``.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func inspect(_ id: MessageID, bodyLimit: Int = MessageLimits.bodyBytes, limit: Int = 1000) async throws
        -> MessageRecord?
    {
        try QueueError.demand("bodyLimit", bodyLimit, in: 0...Int.max, or: QueueError.invalidArgument)
        try QueueError.demand(limit: limit)
        let found = try await database.read(Self.inspect, id.uuid, Int32(clamping: bodyLimit)) { row in
            (try Message(row, from: 0), try row[7, as: Int.self], try Self.priority(row, from: 8))
        }
        guard let (message, size, priority) = found.first else { return nil }
        let attempts = try await trace("\(id)", limit: limit)
        let isDead = attempts.contains { $0.outcome == .deadLetter }
        return MessageRecord(
            message: message, priority: priority, bodySize: size, attempts: attempts,
            related: try await message.key.asyncMap { try await trace($0, limit: limit) } ?? [],
            kept: isDead ? try await keptAttempts(of: id, limit: limit) : [])
    }

    /// Of the levels of a queue, and one of them.
    private static func priority(_ row: borrowing Row, from first: Int) throws -> Priority {
        let (levels, level) = (try row[first, as: Int16?.self], try row[first + 1, as: Int16?.self])
        return levels.flatMap { PriorityLevels(rawValue: $0) }?.priority(of: level ?? 0) ?? .normal
    }

    /// The newest copy, wherever there is one; all are alike.
    static let inspect = Statement(
        """
        SELECT c.id, c.sent_at, c.topic, c.key, c.tag, c.headers, c.body, c.size, q.levels,
            coalesce(c.level, c.lane / q.lanes)::smallint
        FROM (SELECT * FROM (
            (SELECT \(copy), m.lane, NULL::smallint AS level FROM mq.messages m WHERE m.id = $1 ORDER BY m.seq DESC LIMIT 1)
            UNION ALL (SELECT \(copy), NULL, m.level FROM mq.scheduled m WHERE m.id = $1 LIMIT 1)
            UNION ALL (SELECT \(copy), NULL, 0 FROM mq.held m WHERE m.id = $1 LIMIT 1)
            UNION ALL (SELECT \(copy), NULL, m.level FROM mq.dead_letters m WHERE m.id = $1 LIMIT 1)) AS copies LIMIT 1) AS c
        LEFT JOIN mq.queues q ON q.id = c.queue
        """)
    private static let copy = """
        m.queue, m.id, m.sent_at, m.topic, m.key, m.tag, m.headers, substr(m.body, 1, $2) AS body, length(m.body) AS size
        """
}

extension Optional {
    fileprivate func asyncMap<T>(_ transform: (Wrapped) async throws -> T) async rethrows -> T? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
