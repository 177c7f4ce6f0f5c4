public import Foundation

/// A message in a consumer's hands, for as long as its lease holds.
public struct ReceivedMessage: Sendable, Equatable {
    /// It is handed on many times on its way through a step: so a copy is one reference.
    private final class Content: Sendable {
        let receipt: Receipt
        let queue: QueueName
        let attempt: Int
        let priority: Priority
        let message: Message
        let appendedAt: Date
        let leaseEnds: Date?
        let firstReceivedAt: Date?

        init(
            _ receipt: Receipt, _ queue: QueueName, _ attempt: Int, _ priority: Priority, _ message: Message,
            _ appendedAt: Date, _ leaseEnds: Date?, _ firstReceivedAt: Date?
        ) {
            self.receipt = receipt
            self.queue = queue
            self.attempt = attempt
            self.priority = priority
            self.message = message
            self.appendedAt = appendedAt
            self.leaseEnds = leaseEnds
            self.firstReceivedAt = firstReceivedAt
        }
    }

    private let content: Content

    init(
        receipt: Receipt, queue: QueueName, attempt: Int, priority: Priority = .normal, message: Message,
        appendedAt: Date,
        leaseEnds: Date? = nil, firstReceivedAt: Date? = nil
    ) {
        content = Content(receipt, queue, attempt, priority, message, appendedAt, leaseEnds, firstReceivedAt)
    }

    /// What finishes this attempt, once.
    public var receipt: Receipt { content.receipt }
    /// The queue that it was received from.
    public var queue: QueueName { content.queue }
    /// 1 for the first delivery.
    public var attempt: Int { content.attempt }
    /// How urgent it is, as far as its queue tells priorities apart; ``Priority/normal`` where that has none.
    public var priority: Priority { content.priority }
    /// The message itself, the same over all attempts.
    public var message: Message { content.message }
    /// When this attempt was added to the queue, by the database's clock.
    public var appendedAt: Date { content.appendedAt }
    /// When the lease that it was received with ends, by the database's clock; nil for a ``Worker``'s, which lasts as long as the
    /// worker gives signs of life.
    public var leaseEnds: Date? { content.leaseEnds }

    /// When the message was sent, by the database's clock.
    public var sentAt: Date { content.message.sentAt }
    /// When the first of its attempts was received, by the database's clock, as far back as the log tells, see ``Broker/Retention``; a
    /// redrive begins anew, and what was given back with no attempt counted was not received. Nil for a ``Worker``'s.
    public var firstReceivedAt: Date? { content.firstReceivedAt }

    /// The same, received first at another time.
    func firstReceived(at date: Date?) -> ReceivedMessage {
        ReceivedMessage(
            receipt: receipt, queue: queue, attempt: attempt, priority: priority, message: message,
            appendedAt: appendedAt, leaseEnds: leaseEnds, firstReceivedAt: date)
    }

    public static func == (one: ReceivedMessage, other: ReceivedMessage) -> Bool {
        one.content === other.content
            || one.receipt == other.receipt && one.queue == other.queue && one.attempt == other.attempt
                && one.priority == other.priority
                && one.message == other.message && one.appendedAt == other.appendedAt
                && one.leaseEnds == other.leaseEnds && one.firstReceivedAt == other.firstReceivedAt
    }
}
