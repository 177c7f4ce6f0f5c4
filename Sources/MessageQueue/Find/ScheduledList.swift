public import Foundation
import Postgres

/// A message that waits until it is due, without what it says.
public struct ScheduledEntry: Sendable, Equatable {
    /// The message.
    public let message: MessageID
    /// What the message is about, as its sender said.
    public let key: String?
    /// What subscriptions filtered it by.
    public let tag: String?
    /// The attempt that comes next: 1 of a message that was sent with a delay, more of one that failed and waits for
    /// its back-off.
    public let attempt: Int
    /// When the message was sent, by the database's clock.
    public let sentAt: Date
    /// When it is put into its queue, by the database's clock; what is due already is put there by whoever receives
    /// next.
    public let dueAt: Date
    /// What it can be cancelled with, or made due at another time, until then.
    public let receipt: ScheduledReceipt
}

/// A part of what is not due yet, the soonest first.
public struct ScheduledPage: Sendable {
    /// One for each message.
    public let entries: [ScheduledEntry]
    /// Where the list goes on; nil when there was nothing more.
    public let next: ScheduledPosition?
}

/// How far a list of what is not due yet has come.
public struct ScheduledPosition: Sendable, Equatable, CustomStringConvertible {
    let dueAt: Date
    let ticket: Int64
    /// Of the database that the ticket is from.
    let mark: UInt32

    fileprivate init(behind entry: ScheduledEntry) {
        (dueAt, ticket, mark) = (entry.dueAt, entry.receipt.ticket, entry.receipt.mark)
    }

    /// Reads what ``description`` wrote; nil for anything else.
    public init?(_ text: String) {
        guard let read = ReceiptText(text, sign: Self.sign) else { return nil }
        dueAt = Date(timeIntervalSince1970: Double(read.first) / Self.microseconds)
        (ticket, mark) = (read.second, read.mark)
    }

    /// Digits, letters and dots only, for links.
    public var description: String {
        let due = Int64(exactly: (dueAt.timeIntervalSince1970 * Self.microseconds).rounded()) ?? .max
        return ReceiptText(sign: Self.sign, first: due, second: ticket, mark: mark).description
    }

    private static let sign = "p"
    /// As exact as the server's clock.
    private static let microseconds = 1_000_000.0
}

extension Broker {
    /// What of a queue is not due yet, the soonest first, page by page: messages with a delay, and those that failed
    /// and wait for their back-off. With their receipts anybody may ``hasten(_:in:)`` or ``cancel(_:in:)`` them.
    ///
    /// Walks the index (queue, due_at) from where the page begins; of many that are due at the same instant each page
    /// looks at all. Guarantee: over its pages each message is shown once that waits all the while and whose time stays
    /// as it is.
    /// - Parameters:
    ///   - queue: whose messages.
    ///   - position: ``ScheduledPage/next`` of the page before; nil begins with the soonest.
    ///   - limit: the most entries of a page, 1 or more.
    /// - Throws: ``QueueError/unknownQueue(_:)``; ``QueueError/invalidArgument(_:)`` for a limit outside of its range,
    ///   or a position in another database.
    public func scheduled(
        in queue: QueueName, after position: ScheduledPosition? = nil, limit: Int = 100
    ) async throws -> ScheduledPage {
        try QueueError.demand("limit", limit, in: 1...Int.max, or: QueueError.invalidArgument)
        let entries = try await lookingAgain {
            try await self.database.perform(isTransaction: false, within: nil) { session in
                try self.scheduled(in: queue, after: position, limit, session)
            }
        }
        return ScheduledPage(
            entries: entries, next: entries.count < limit ? nil : entries.last.map { ScheduledPosition(behind: $0) })
    }

    private func scheduled(
        in queue: QueueName, after position: ScheduledPosition?, _ limit: Int, _ session: borrowing Session
    ) throws -> [ScheduledEntry] {
        let entry = try catalogue.reread(queue, in: session)
        if let position, position.mark != entry.origin.mark {
            throw QueueError.invalidArgument("the list began in another database, or before this one was restored")
        }
        return try session.query(
            Self.listScheduled, entry.id, position?.dueAt ?? .distantPast, position?.ticket ?? 0, Int64(limit)
        ) { row in
            ScheduledEntry(
                message: MessageID(try row[1]), key: try row[2], tag: try row[3], attempt: try row[4],
                sentAt: try row[5], dueAt: try row[6],
                receipt: ScheduledReceipt(queue: entry.id, ticket: try row[0], mark: entry.origin.mark))
        }
    }

    /// By `scheduled_due`; no body is read.
    static let listScheduled: Statement = """
        SELECT s.ticket, s.id, s.key, s.tag, s.attempt, s.sent_at, s.due_at FROM mq.scheduled s
        WHERE s.queue = $1 AND s.due_at >= $2 AND (s.due_at, s.ticket) > ($2, $3) ORDER BY s.due_at, s.ticket LIMIT $4
        """
}
