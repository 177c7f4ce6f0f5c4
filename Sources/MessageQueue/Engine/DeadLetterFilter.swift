import Durations

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
    /// This ticket, or one before: with the ``DeadLetterMatch/lastTicket`` of a look, none that died after it is meant.
    public var through: Int64?

    /// With nothing given, all dead letters are meant.
    public init(
        queue: QueueName? = nil, reason: String? = nil, olderThan: Duration? = nil, message: MessageID? = nil,
        key: String? = nil, error: String? = nil, tickets: [Int64]? = nil, through: Int64? = nil
    ) {
        self.queue = queue
        self.reason = reason
        self.olderThan = olderThan
        self.message = message
        self.key = key
        self.error = error
        self.tickets = tickets
        self.through = through
    }

    /// As an operator's action is recorded.
    var detail: [String: String?] {
        [
            "reason": reason, "older than": olderThan?.text, "message": message?.description, "key": key,
            "error": error, "tickets": tickets.map { $0.map(String.init).joined(separator: " ") },
            "through ticket": through.map(String.init),
        ]
    }

    /// In seconds: no more than the server can take from its present time.
    var age: Double? { olderThan.map { min($0.inSeconds, 100 * Duration.longest.inSeconds) } }
}
