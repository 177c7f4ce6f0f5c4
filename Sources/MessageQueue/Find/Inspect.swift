import Foundation
import Postgres

/// A message with all that is known of its way, over all queues that it was published to.
public struct MessageRecord: Sendable {
    /// The message itself; its body may be cut.
    public let message: Message
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
            (try Message(row, from: 0), try row[7, as: Int.self])
        }
        guard let (message, size) = found.first else { return nil }
        let attempts = try await trace("\(id)", limit: limit)
        let isDead = attempts.contains { $0.outcome == .deadLetter }
        return MessageRecord(
            message: message, bodySize: size, attempts: attempts,
            related: try await message.key.asyncMap { try await trace($0, limit: limit) } ?? [],
            kept: isDead ? try await keptAttempts(of: id, limit: limit) : [])
    }

    /// The newest copy, wherever there is one; all are alike.
    static let inspect = Statement(
        """
        SELECT id, sent_at, topic, key, tag, headers, body, size FROM (
            (SELECT \(copy) FROM mq.messages m WHERE m.id = $1 ORDER BY m.seq DESC LIMIT 1)
            UNION ALL (SELECT \(copy) FROM mq.scheduled m WHERE m.id = $1 LIMIT 1)
            UNION ALL (SELECT \(copy) FROM mq.held m WHERE m.id = $1 LIMIT 1)
            UNION ALL (SELECT \(copy) FROM mq.dead_letters m WHERE m.id = $1 LIMIT 1)) AS copies LIMIT 1
        """)
    private static let copy = """
        m.id, m.sent_at, m.topic, m.key, m.tag, m.headers, substr(m.body, 1, $2) AS body, length(m.body) AS size
        """
}

extension Optional {
    fileprivate func asyncMap<T>(_ transform: (Wrapped) async throws -> T) async rethrows -> T? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
