import MessageQueue

/// How often a push is tried again. Where a subscription goes to a queue it is kept, and without effect.
enum NotifyStrategy: String, CaseIterable {
    case backoffRetry = "BACKOFF_RETRY"
    case exponentialDecayRetry = "EXPONENTIAL_DECAY_RETRY"
}

/// What a subscriber is given of a message.
enum NotifyContentFormat: String, CaseIterable {
    /// A document about the message, with the body in it.
    case xml = "XML"
    case json = "JSON"
    /// The published body alone: what the library's own subscriptions get.
    case simplified = "SIMPLIFIED"

    /// As the engine keeps it, which marks the copies of a subscription that has one.
    var stored: String? { self == .simplified ? nil : rawValue }

    init(stored: String?) { self = stored.flatMap { Self(rawValue: $0) } ?? .simplified }
}

/// What a client says of a subscription; nil is what it leaves alone.
struct SubscriptionAttributes: Equatable {
    let endpoint: SubscriptionEndpoint?
    let tag: String?
    let strategy: NotifyStrategy?
    let format: NotifyContentFormat?

    /// - Throws: ``Refusal`` for another root, and for values that are none.
    init(_ body: [UInt8]) throws {
        let root = body.isEmpty ? XMLNode(name: "Subscription") : try XMLReader.read(body)
        guard root.name == "Subscription" else { throw Refusal.wrongRoot("Subscription") }
        endpoint = try root["Endpoint"].map { try SubscriptionEndpoint($0) }
        tag = root["FilterTag"].flatMap { $0.isEmpty ? nil : $0 }
        strategy = try root.word("NotifyStrategy")
        format = try root.word("NotifyContentFormat")
        guard tag?.count ?? 0 <= MessageDraft.longestTag else {
            throw Refusal(.invalidArgument, "A FilterTag has \(MessageDraft.longestTag) characters at the most.")
        }
    }

    /// Those of a subscription as it is set up, whoever made it.
    init(_ subscription: Subscription) {
        endpoint = SubscriptionEndpoint(of: subscription)
        // The library's own may hear several.
        tag = subscription.tags.map { $0.joined(separator: "||") }
        strategy = subscription.strategy
        format = NotifyContentFormat(stored: subscription.format)
    }

    /// Whether everything that is told is so; what a client does not name, it does not ask for.
    func agree(with all: SubscriptionAttributes) -> Bool {
        [nil, all.endpoint?.target].contains(endpoint?.target) && [nil, all.tag].contains(tag)
            && [nil, all.strategy].contains(strategy) && [nil, all.format].contains(format)
    }

    /// What the service has it do when nothing else is said.
    ///
    /// - Throws: ``Refusal`` without an endpoint.
    func subscription(_ name: String, of topic: TopicName) throws -> Subscription {
        guard let endpoint else { throw Refusal(.invalidEndpoint, "The Endpoint is missing.") }
        let strategy = strategy ?? .backoffRetry
        return Subscription(
            name, of: topic, to: endpoint.target, tags: tag.map { [$0] }, format: (format ?? .xml).stored,
            labels: [
                SubscriptionLabel.strategy.rawValue: strategy.rawValue,
                SubscriptionLabel.endpoint.rawValue: endpoint.text,
            ])
    }
}

extension Subscription {
    var strategy: NotifyStrategy {
        get { labels[SubscriptionLabel.strategy.rawValue].flatMap { NotifyStrategy(rawValue: $0) } ?? .backoffRetry }
        set { labels[SubscriptionLabel.strategy.rawValue] = newValue.rawValue }
    }
}

extension XMLNode {
    /// One of some words; nil for none, or an empty one.
    fileprivate func word<Word: CaseIterable & RawRepresentable<String>>(_ name: String) throws -> Word? {
        guard let text = self[name], !text.isEmpty else { return nil }
        guard let word = Word(rawValue: text) else {
            let all = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refusal(.invalidArgument, "\(name) is one of \(all).")
        }
        return word
    }
}
