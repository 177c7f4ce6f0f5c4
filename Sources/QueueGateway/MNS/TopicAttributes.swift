import MessageQueue

/// What a client may set of a topic; nil is what it leaves alone.
struct TopicAttributes: Equatable {
    var maximumMessageSize: Int?
    var loggingEnabled: Bool?

    init() {}

    /// - Throws: ``Refusal`` for another root, and for what lies outside of its range.
    init(_ body: [UInt8]) throws {
        guard !body.isEmpty else { return }
        let root = try XMLReader.read(body)
        guard root.name == "Topic" else { throw Refusal.wrongRoot("Topic") }
        maximumMessageSize = try root.number("MaximumMessageSize", in: QueueAttributes.sizes)
        loggingEnabled = try root.flag("LoggingEnabled")
    }

    /// Those of a topic as it is set up, whoever made it.
    init(_ setup: TopicSetup) {
        maximumMessageSize = setup.largestMessage
        loggingEnabled = setup.labels[QueueLabel.logging.rawValue] == "true"
    }

    /// Whether everything that is told is so; what a client does not name, it does not ask for.
    func agree(with all: TopicAttributes) -> Bool {
        [nil, all.maximumMessageSize].contains(maximumMessageSize)
            && [nil, all.loggingEnabled].contains(loggingEnabled)
    }

    /// Writes what is told into a topic's labels.
    func set(_ labels: inout [String: String]) {
        if let maximumMessageSize { labels[QueueLabel.maximumMessageSize.rawValue] = "\(maximumMessageSize)" }
        if let loggingEnabled { labels[QueueLabel.logging.rawValue] = "\(loggingEnabled)" }
    }
}

extension TopicSetup {
    /// In bytes, as a client sends it.
    var largestMessage: Int { labels.number(.maximumMessageSize) ?? QueueAttributes.sizes.upperBound }
}
