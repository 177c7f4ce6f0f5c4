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

        init(
            _ receipt: Receipt, _ queue: QueueName, _ attempt: Int, _ priority: Priority, _ message: Message,
            _ appendedAt: Date, _ leaseEnds: Date?
        ) {
            self.receipt = receipt
            self.queue = queue
            self.attempt = attempt
            self.priority = priority
            self.message = message
            self.appendedAt = appendedAt
            self.leaseEnds = leaseEnds
        }
    }

    private let content: Content

    init(
        receipt: Receipt, queue: QueueName, attempt: Int, priority: Priority = .normal, message: Message,
        appendedAt: Date,
        leaseEnds: Date? = nil
    ) {
        content = Content(receipt, queue, attempt, priority, message, appendedAt, leaseEnds)
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

    public static func == (one: ReceivedMessage, other: ReceivedMessage) -> Bool {
        one.content === other.content
            || one.receipt == other.receipt && one.queue == other.queue && one.attempt == other.attempt
                && one.priority == other.priority
                && one.message == other.message && one.appendedAt == other.appendedAt
                && one.leaseEnds == other.leaseEnds
    }
}
