import MessageQueue
import Synchronization

/// How long a message that is not acknowledged stays with its consumer.
struct Redelivery: Sendable {
    let plain: Duration
    let orderly: Duration
}

/// Groups of consumers: each is a queue that hears the topic, made when the group first asks for messages.
final class ConsumerGroups: Sendable {
    /// How often a message is given to a group before it is a dead letter.
    private static let attempts = 288
    private static let retention = Duration.seconds(3 * 86_400)
    /// So long it is taken for granted that a group still hears what it has asked for.
    private static let life = Duration.seconds(10)
    private static let most = 10_000
    /// So many groups a topic has at the most by whoever may only receive from it: a group is a queue, which is kept, and anybody may
    /// name one.
    static let mostOfReceivers = 100
    private static let label = "gateway.group"
    /// In order, a lane gives out nothing while something of it is out: sharding keys that share one wait for each other.
    private static let orderlyLanes = 32

    struct Group: Sendable {
        let queue: QueueName
        let lease: Duration
    }

    private struct Hearing: Hashable {
        let queue: QueueName
        let tags: [String]?
    }

    private let broker: Broker
    private let redelivery: Redelivery
    private let heard = Mutex<[Hearing: ContinuousClock.Instant]>([:])

    init(_ broker: Broker, _ redelivery: Redelivery) {
        self.broker = broker
        self.redelivery = redelivery
    }

    /// The name says topic and group; a group that wants order has a queue of its own, which keeps it.
    static func queue(of group: String, _ topic: String, isOrderly: Bool) -> QueueName {
        QueueName("\(topic).\(group)" + (isOrderly ? ".\(MQName.orderly)" : ""))
    }

    /// Makes sure that the group hears these tags of the topic.
    ///
    /// - Parameters:
    ///   - tags: nil for all.
    ///   - limit: a group that is new is made only while its topic has fewer; nil for any number.
    /// - Throws: ``Refusal`` for a name that another queue has, and beyond the limit; `QueueError.unknownTopic`,
    ///   `QueueError.invalidName`.
    func group(
        _ name: String, of topic: String, tags: [String]?, isOrderly: Bool, limit: Int? = nil
    ) async throws -> Group {
        let queue = Self.queue(of: name, topic, isOrderly: isOrderly)
        let hearing = Hearing(queue: queue, tags: tags)
        let now = ContinuousClock.now
        if heard.withLock({ $0[hearing].map { $0.duration(to: now) < Self.life } ?? false }) {
            return Group(queue: queue, lease: lease(isOrderly))
        }
        try await make(queue, name, of: topic, isOrderly, limit)
        let known = try await broker.topics().first { $0.topic.text == topic && $0.queue == queue }
        if known == nil || known?.tags != tags { try await broker.subscribe(queue, to: TopicName(topic), tags: tags) }
        heard.withLock { heard in
            if heard.count >= Self.most { heard = [:] }
            // What the group heard before is not what it hears now.
            heard = heard.filter { $0.key.queue != queue }
            heard[hearing] = now
        }
        return Group(queue: queue, lease: lease(isOrderly))
    }

    /// Unless it is there.
    private func make(
        _ queue: QueueName, _ name: String, of topic: String, _ isOrderly: Bool, _ limit: Int?
    ) async throws {
        // Or a topic that nobody has made would leave a queue behind.
        _ = try await broker.topic(TopicName(topic))
        if let limit, try await !isThere(queue), try await groups(of: topic) >= limit {
            throw Refusal(
                .accessDenied,
                "Topic \(topic) has \(limit) groups. Another takes the right to manage it, or: shoeshop groups create.")
        }
        if try await broker.create(queue: queue, settings(isOrderly), labels: [Self.label: name]) { return }
        // Its messages would be given to whoever may receive from the topic.
        guard try await broker.queue(queue).labels[Self.label] == name else {
            throw Refusal(.accessDenied, "The queue \(queue) is no group's: the group needs another name.")
        }
    }

    private func isThere(_ queue: QueueName) async throws -> Bool {
        do { _ = try await broker.queue(queue) } catch QueueError.unknownQueue { return false }
        return true
    }

    private func groups(of topic: String) async throws -> Int {
        try await broker.queues(prefix: "\(topic).", limit: Int(Int32.max)).count { entry in
            entry.labels[Self.label].map { name in
                [false, true].contains { Self.queue(of: name, topic, isOrderly: $0) == entry.queue }
            } ?? false
        }
    }

    private func lease(_ isOrderly: Bool) -> Duration { isOrderly ? redelivery.orderly : redelivery.plain }

    private func settings(_ isOrderly: Bool) -> QueueSettings {
        let retry = RetryPolicy(attempts: Self.attempts, base: .zero, cap: .zero, jitter: 0)
        return QueueSettings(
            lanes: isOrderly ? Self.orderlyLanes : 4, lease: lease(isOrderly), retry: retry,
            order: isOrderly ? .skipOnFailure : nil, retention: isOrderly ? nil : Self.retention)
    }
}
