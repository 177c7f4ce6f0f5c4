import Postgres

/// What the engine refuses, beside the ``PostgresError`` of the statements themselves.
public enum QueueError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Another consumer has taken over since, or the message was finished already. Nothing was changed.
    case leaseLost(String)
    case unknownQueue(QueueName)
    case unknownTopic(TopicName)
    case invalidName(String)
    case invalidSettings(String)
    /// A message, or something about it, is larger than can be kept; see ``MessageLimits``.
    case beyondLimit(String)

    public var description: String {
        switch self {
        case .leaseLost(let what): "the lease is lost: \(what)"
        case .unknownQueue(let name): "there is no queue \(name); declare it first"
        case .unknownTopic(let name): "there is no topic \(name); declare it first"
        case .invalidName(let name):
            "\"\(name)\" is no name: a letter or digit, then letters, digits, '.', '_', '-'; 120 characters at most"
        case .invalidSettings(let what), .beyondLimit(let what): what
        }
    }

    /// A completion that exists already means that the lease is lost, and so does one whose segment has been dropped;
    /// anything else stays what it is.
    static func explaining(_ error: any Error) -> any Error {
        guard let error = error as? PostgresError else { return error }
        let isCompletion = (error.constraint ?? "").hasPrefix("completions_")
        let isTooLate = error.sqlState == "23514" && (error.statement ?? "").hasPrefix("INSERT INTO mq.completions")
        guard error.isUniqueViolation && isCompletion || isTooLate else { return error }
        return QueueError.leaseLost(error.detail ?? error.message)
    }
}
