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
    /// - Parameter tags: nil for all.
    /// - Throws: `QueueError.unknownTopic`, `QueueError.invalidName`.
    func group(_ name: String, of topic: String, tags: [String]?, isOrderly: Bool) async throws -> Group {
        let queue = Self.queue(of: name, topic, isOrderly: isOrderly)
        let hearing = Hearing(queue: queue, tags: tags)
        let now = ContinuousClock.now
        if heard.withLock({ $0[hearing].map { $0.duration(to: now) < Self.life } ?? false }) {
            return Group(queue: queue, lease: lease(isOrderly))
        }
        _ = try await broker.create(queue: queue, settings(isOrderly), labels: ["gateway.group": name])
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

    private func lease(_ isOrderly: Bool) -> Duration { isOrderly ? redelivery.orderly : redelivery.plain }

    private func settings(_ isOrderly: Bool) -> QueueSettings {
        let retry = RetryPolicy(attempts: Self.attempts, base: .zero, cap: .zero, jitter: 0)
        return QueueSettings(
            lanes: 4, lease: lease(isOrderly), retry: retry, order: isOrderly ? .skipOnFailure : nil,
            retention: isOrderly ? nil : Self.retention)
    }
}
