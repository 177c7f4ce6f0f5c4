import Durations
public import Foundation

/// Which dead letters are meant; everything given has to hold.
public struct DeadLetterFilter: Sendable {
    /// Of this queue.
    public var queue: QueueName?
    /// Given up for this reason, such as `attempts-exhausted`.
    public var reason: String?
    /// Those that died longer ago than this; more than a century counts as one.
    public var olderThan: Duration?
    /// This one.
    public var message: MessageID?
    /// About this.
    public var key: String?
    /// Whose last error has this text in it, whatever its case.
    public var error: String?
    /// One of these, see ``DeadLetter/ticket``.
    public var tickets: [Int64]?

    /// With nothing given, all dead letters are meant.
    public init(
        queue: QueueName? = nil, reason: String? = nil, olderThan: Duration? = nil, message: MessageID? = nil,
        key: String? = nil, error: String? = nil, tickets: [Int64]? = nil
    ) {
        self.queue = queue
        self.reason = reason
        self.olderThan = olderThan
        self.message = message
        self.key = key
        self.error = error
        self.tickets = tickets
    }

    /// As an operator's action is recorded.
    var detail: [String: String?] {
        [
            "reason": reason, "older than": olderThan?.text, "message": message?.description, "key": key,
            "error": error, "tickets": tickets.map { $0.map(String.init).joined(separator: " ") },
        ]
    }

    /// In seconds: no more than the server can take from its present time.
    var age: Double? { olderThan.map { min($0.inSeconds, 100 * Duration.longest.inSeconds) } }
}

/// A message that was given up: kept until an operator redrives or purges it.
public struct DeadLetter: Sendable {
    /// Its number among the dead letters, in the order of their deaths.
    public let ticket: Int64
    /// The queue that it died in.
    public let queue: QueueName
    /// The message itself.
    public let message: Message
    /// How often it was delivered.
    public let attempts: Int
    /// A short class to select by: `attempts-exhausted`, `worker-lost`, `unreadable-payload`, or what a step said.
    public let reason: String
    /// The text of the last error.
    public let error: String?
    /// By the database's clock.
    public let diedAt: Date
    /// What became of each attempt, or of the last ``MessageLimits/historyAttempts``, as JSON: `[{"attempt", "outcome", "at", "error"}, ...]`.
    public let history: String?
}

/// A dead letter without what it says.
public struct DeadLetterHead: Sendable {
    /// Its number among the dead letters, in the order of their deaths.
    public let ticket: Int64
    /// The queue that it died in.
    public let queue: QueueName
    /// The message.
    public let message: MessageID
    /// What the message is about.
    public let key: String?
    /// How often it was delivered.
    public let attempts: Int
    /// A short class to select by, see ``DeadLetter/reason``.
    public let reason: String
    /// The text of the last error.
    public let error: String?
    /// By the database's clock.
    public let diedAt: Date
}
