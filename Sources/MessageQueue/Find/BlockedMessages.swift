public import Foundation
import Postgres

/// A message that is held back behind a blocked key, without what it says.
public struct BlockedMessage: Sendable, Codable, Equatable {
    /// The message.
    public let message: MessageID
    /// The attempt that comes next; of one that failed for good, the last one.
    public let attempt: Int
    /// What subscriptions filtered it by.
    public let tag: String?
    /// When the message was sent, by the database's clock.
    public let sentAt: Date
    /// Its number in the order of its key.
    public let place: Int64
}

extension Broker {
    /// The messages that wait behind a blocked key, in their order: first the one that is tried again next, or waits
    /// for an operator.
    ///
    /// One that is being tried again just now is in flight, and not among them. Walks the primary key.
    /// - Parameters:
    ///   - queue: the one that keeps order.
    ///   - key: see ``blockedKeys(of:limit:)``.
    ///   - place: those after this one: the last of the page before.
    ///   - limit: the most that are told.
    public func blockedMessages(
        of queue: QueueName, key: String, after place: Int64 = 0, limit: Int = 100
    ) async throws -> [BlockedMessage] {
        try await database.read(Self.listBlockedMessages, queue.text, key, place, Int64(limit)) { row in
            BlockedMessage(
                message: MessageID(try row[0]), attempt: try row[1], tag: try row[2], sentAt: try row[3],
                place: try row[4])
        }
    }

    static let listBlockedMessages: Statement = """
        SELECT h.id, h.attempt, h.tag, h.sent_at, h.rank FROM mq.held h JOIN mq.queues q ON q.id = h.queue
        WHERE q.name = $1 AND h.key = $2 AND h.rank > $3 ORDER BY h.rank LIMIT $4
        """
}
