import Postgres

/// What the engine refuses, beside the `PostgresError` of the statements themselves.
public enum QueueError: Error, Sendable, Equatable {
    /// Another consumer has taken over since, the message was finished already, its queue was deleted, or it was received from another
    /// database than this one, or before this one was restored or taken over by a standby. Nothing was changed.
    ///
    /// Of several messages that were to be finished together, the one that was found to be lost.
    case leaseLost(queue: QueueName?, message: MessageID?)
    /// No queue of this name was declared.
    case unknownQueue(QueueName)
    /// No topic of this name was declared.
    case unknownTopic(TopicName)
    /// The topic has no subscription of this name.
    case unknownSubscription(String, of: TopicName)
    /// Such a name is refused when something is declared under it; see ``QueueName``.
    case invalidName(String)
    /// What a queue, a worker or a step is told to be lies outside of its range, or contradicts what it is already; the text
    /// says what.
    case invalidSettings(String)
    /// An argument of the call lies outside of its range; the text says which.
    case invalidArgument(String)
    /// A message can't be delayed by itself where it was to go: to a topic, for which see ``Broker/publish(_:to:after:)``, or to a
    /// queue that keeps order.
    case delayRefused(MessageID, queue: QueueName?)
    /// A message, or something about it, is larger than can be kept: what it is, its size, and the limit.
    case beyondLimit(LimitExcess)
}

extension QueueError {
    /// The queue that it is about, where that is known. What lies outside of its range may be told before any queue is looked at: there
    /// the text says what it belongs to.
    public var queue: QueueName? {
        switch self {
        case .leaseLost(let queue, _): queue
        case .unknownQueue(let queue): queue
        case .delayRefused(_, let queue): queue
        case .unknownTopic, .unknownSubscription, .invalidName, .invalidSettings, .invalidArgument, .beyondLimit: nil
        }
    }

    /// The topic that it is about, where that is known.
    public var topic: TopicName? {
        switch self {
        case .unknownTopic(let topic), .unknownSubscription(_, let topic): topic
        case .leaseLost, .unknownQueue, .delayRefused: nil
        case .invalidName, .invalidSettings, .invalidArgument, .beyondLimit: nil
        }
    }

    /// The message that it is about, where that is known.
    public var message: MessageID? {
        switch self {
        case .leaseLost(_, let message): message
        case .delayRefused(let message, _): message
        case .beyondLimit(let excess): excess.message
        case .unknownQueue, .unknownTopic, .unknownSubscription, .invalidName, .invalidSettings, .invalidArgument: nil
        }
    }

    /// Whether the same call may succeed when it is simply made again, later: false for each of them. A lost lease does not come back,
    /// what is unknown has to be declared by somebody, and the others are about what the call was given. What passes by itself is
    /// trouble of the database, see `PostgresError.isRetryable`.
    public var isRetryable: Bool { false }
}

extension QueueError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .leaseLost(let queue, let message):
            "the lease is lost"
                + (message.map { ": message \($0)" } ?? "") + (queue.map { " of queue \($0)" } ?? "")
                + " is finished or taken over already, or its queue was deleted"
        case .unknownQueue(let name): "there is no queue \(name); declare it first"
        case .unknownTopic(let name): "there is no topic \(name); declare it first"
        case .unknownSubscription(let name, let topic): "topic \(topic) has no subscription \(name)"
        case .invalidName(let name):
            "\"\(name)\" is no name: a letter or digit, then letters, digits, '.', '_', '-'; "
                + "\(MessageLimits.nameCharacters) characters at most"
        case .invalidSettings(let what), .invalidArgument(let what): what
        case .beyondLimit(let excess): "\(excess)"
        case .delayRefused(let message, let queue?):
            "queue \(queue) keeps order, so message \(message) can't be delayed"
        case .delayRefused(let message, nil):
            "message \(message) is published, so it has no delay of its own; "
                + "publish it for later, or delay the step that hears it"
        }
    }
}
