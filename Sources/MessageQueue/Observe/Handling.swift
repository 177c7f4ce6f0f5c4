public import Logging

/// What the code that runs here handles, for log lines.
enum Handling: Sendable {
    case one(ReceivedMessage)
    case batch(of: QueueName, count: Int)

    @TaskLocal static var current: Handling?

    init?(_ batch: [ReceivedMessage]) {
        guard let first = batch.first else { return nil }
        self = batch.count == 1 ? .one(first) : .batch(of: first.queue, count: batch.count)
    }

    var logMetadata: Logger.Metadata {
        switch self {
        case .one(let message): message.logMetadata
        case .batch(let queue, let count): ["queue": "\(queue)", "messages": "\(count)"]
        }
    }
}

extension Logger.MetadataProvider {
    /// Tells, in every line that a step writes, what it handles: `queue`, `message`, `attempt`, and `key` where there is one;
    /// in the commit of a batch of several `queue` and how many `messages` there are.
    ///
    /// ```swift
    /// LoggingSystem.bootstrap(
    ///     { StreamLogHandler.standardError(label: $0, metadataProvider: $1) }, metadataProvider: .messageQueue)
    /// ```
    /// Elsewhere it adds nothing. With a provider of others, see `multiplex(_:)`; a single logger takes one, too.
    public static let messageQueue = Logger.MetadataProvider { Handling.current?.logMetadata ?? [:] }
}

extension ReceivedMessage {
    /// What log lines about this delivery should carry: `queue`, `message`, `attempt`, and `key` where there is one.
    public var logMetadata: Logger.Metadata {
        var metadata: Logger.Metadata = ["queue": "\(queue)", "message": "\(message.id)", "attempt": "\(attempt)"]
        if let key = message.key { metadata["key"] = "\(key)" }
        return metadata
    }
}

extension Delivery {
    /// As ``ReceivedMessage/logMetadata``: for lines about one of a batch.
    public var logMetadata: Logger.Metadata { received.logMetadata }
}
