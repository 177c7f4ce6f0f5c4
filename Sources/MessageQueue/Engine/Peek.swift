public import Foundation
import Postgres

/// A message that nobody has taken yet.
public struct WaitingMessage: Sendable, Equatable {
    /// The queue that it waits in.
    public let queue: QueueName
    /// Which attempt it waits for: 1 for the first delivery.
    public let attempt: Int
    /// How urgent it is, as far as its queue tells priorities apart; ``Priority/normal`` where that has none.
    public let priority: Priority
    /// The message itself.
    public let message: Message
    /// When this attempt was added to the queue, by the database's clock.
    public let appendedAt: Date
    /// When the first of its attempts was received, by the database's clock; nil when none was, or when the log does not go back so far.
    public let firstReceivedAt: Date?
}

extension Broker {
    /// Looks at the next messages of a queue, at most `limit`, without taking them.
    ///
    /// Guarantee: claims nothing, counts no attempt, holds nobody up. What is answered may be taken by somebody else at once.
    /// The urgent ones come first, and within a priority those that have waited longest, which need not be the order in which
    /// consumers get them: whoever began to send first may have got a place behind others. Answers also of a paused queue. What is
    /// past the queue's retention is not shown: nobody would get it.
    /// - Parameters:
    ///   - queue: whose messages.
    ///   - limit: from 1 to 32,000. Nothing is shown after messages whose bodies are 32 MiB together.
    /// - Throws: ``QueueError/unknownQueue(_:)``, ``QueueError/invalidArgument(_:)``.
    public func peek(_ queue: QueueName, limit: Int = 1) async throws -> [WaitingMessage] {
        try QueueError.demand("limit", limit, in: 1...Self.largestClaim, or: QueueError.invalidArgument)
        return try await lookingAgain {
            let entry = try await entry(of: queue)
            let waiting = try await look(into: entry, limit)
            if waiting.count == limit || HandfulOfBodies.isFull(waiting.lazy.map(\.message)) { return waiting }
            return try await bringBack(entry, memory(of: entry)) ? look(into: entry, limit) : waiting
        }
    }

    private func look(into entry: Catalogue.Entry, _ limit: Int) async throws -> [WaitingMessage] {
        let waiting = try await database.query(Self.peek, entry.id, Int32(limit), entry.origin.home) { row in
            WaitingMessage(
                queue: entry.name, attempt: try row[0], priority: entry.priority(ofLane: try row[9]),
                message: try Message(row, from: 2), appendedAt: try row[1], firstReceivedAt: nil)
        }
        let again = waiting.filter { $0.attempt > 1 }.map(\.message.id)
        if again.isEmpty { return waiting }
        let firsts = try await firstReceived(again, of: entry)
        return waiting.map { $0.attempt > 1 ? $0.firstReceived(at: firsts[$0.message.id] ?? nil) : $0 }
    }

    /// Of each lane so many from its cursor on, by the messages' primary key. What is outdated there is walked over; it lies at the
    /// cursor, and the upkeep drops it.
    static let peek = Statement(
        HandfulOfBodies.first(
            of: """
                SELECT m.attempt, m.appended_at, m.id, m.sent_at, m.topic, m.key, m.tag, m.headers, m.body, m.lane
                FROM mq.queues q JOIN mq.lanes l ON l.queue = q.id
                CROSS JOIN LATERAL (SELECT mq.cursor(l.queue, l.lane) AS seq OFFSET 0) AS cursor
                CROSS JOIN LATERAL (
                    SELECT n.* FROM mq.messages n WHERE n.queue = l.queue AND n.lane = l.lane AND n.seq > cursor.seq AND NOT \(isOutdated)
                    ORDER BY n.seq LIMIT $2) AS m
                WHERE q.id = $1 AND mq.is_home($3)
                ORDER BY CASE WHEN q.levels > 1 THEN l.lane / q.lanes END, m.appended_at, m.lane, m.seq LIMIT $2
                """))
}

extension WaitingMessage {
    fileprivate func firstReceived(at date: Date?) -> WaitingMessage {
        WaitingMessage(
            queue: queue, attempt: attempt, priority: priority, message: message, appendedAt: appendedAt,
            firstReceivedAt: date)
    }
}
