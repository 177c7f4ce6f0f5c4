import Postgres

/// What the engine refuses, beside the `PostgresError` of the statements themselves.
public enum QueueError: Error, Sendable, Equatable {
    /// Another consumer has taken over since, or the message was finished already. Nothing was changed.
    ///
    /// Of several messages that were to be finished together, the one that was found to be lost.
    case leaseLost(queue: QueueName?, message: MessageID?)
    /// No queue of this name was declared.
    case unknownQueue(QueueName)
    /// No topic of this name was declared.
    case unknownTopic(TopicName)
    /// Such a name is refused when something is declared under it; see ``QueueName``.
    case invalidName(String)
    /// What a queue is told to be makes no sense, or contradicts what it is already; the text says what.
    case invalidSettings(String)
    /// A message, or something about it, is larger than can be kept; see ``MessageLimits``.
    case beyondLimit(String)
}

extension QueueError {
    /// The queue that it is about, where that is known.
    public var queue: QueueName? {
        switch self {
        case .leaseLost(let queue, _): queue
        case .unknownQueue(let queue): queue
        case .unknownTopic, .invalidName, .invalidSettings, .beyondLimit: nil
        }
    }

    /// The message that it is about, where that is known.
    public var message: MessageID? { if case .leaseLost(_, let message) = self { message } else { nil } }

    /// Whether the same call may succeed when it is simply made again, later: never. What passes by itself is trouble of the
    /// database, see `PostgresError.isRetryable`.
    public var isRetryable: Bool { false }
}

extension QueueError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .leaseLost(let queue, let message):
            "the lease is lost"
                + (message.map { ": message \($0)" } ?? "") + (queue.map { " of queue \($0)" } ?? "")
                + " is finished or taken over already"
        case .unknownQueue(let name): "there is no queue \(name); declare it first"
        case .unknownTopic(let name): "there is no topic \(name); declare it first"
        case .invalidName(let name):
            "\"\(name)\" is no name: a letter or digit, then letters, digits, '.', '_', '-'; 120 characters at most"
        case .invalidSettings(let what), .beyondLimit(let what): what
        }
    }
}
