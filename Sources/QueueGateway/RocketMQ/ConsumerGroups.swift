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
    /// So long it is taken for granted that a group still hears what it has asked for, and so seldom it is changed.
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

    /// What a group hears, as this process knows.
    private struct Heard {
        var tags: [String]?
        var seenAt: ContinuousClock.Instant
        /// Nil when it was not since the process began.
        var changedAt: ContinuousClock.Instant?

        func wasChanged(at now: ContinuousClock.Instant) -> Bool {
            changedAt.map { $0.duration(to: now) < ConsumerGroups.life } ?? false
        }

        /// A change that comes too soon after another one is put off: consumers of one group who want different tags would
        /// else undo each other's with every call.
        func isSettled(for wanted: [String]?, at now: ContinuousClock.Instant) -> Bool {
            seenAt.duration(to: now) < ConsumerGroups.life && tags == wanted || wasChanged(at: now)
        }
    }

    /// What somebody wants to be sure of.
    private struct Wish: Hashable, Sendable {
        let queue: QueueName
        let name, topic: String
        let tags: [String]?
        let isOrderly: Bool
        let limit: Int?
    }

    private let broker: Broker
    private let redelivery: Redelivery
    private let heard = Mutex<[QueueName: Heard]>([:])
    /// What is made sure of just now.
    private let underWay = Mutex<[Wish: Task<Void, any Error>]>([:])

    init(_ broker: Broker, _ redelivery: Redelivery) {
        self.broker = broker
        self.redelivery = redelivery
    }

    /// The name says topic and group; a group that wants order has a queue of its own, which keeps it.
    static func queue(of group: String, _ topic: String, isOrderly: Bool) -> QueueName {
        QueueName("\(topic).\(group)" + (isOrderly ? ".\(MQName.orderly)" : ""))
    }

    /// Makes sure that the group hears these tags of the topic, unless somebody has changed what it hears just before.
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
        if !heard.withLock({ $0[queue]?.isSettled(for: tags, at: .now) ?? false }) {
            let wish = Wish(queue: queue, name: name, topic: topic, tags: tags, isOrderly: isOrderly, limit: limit)
            try await makingSure(of: wish).value
        }
        return Group(queue: queue, lease: lease(isOrderly))
    }

    /// Once for all who want the same at the same time, as the consumers of a group do.
    private func makingSure(of wish: Wish) -> Task<Void, any Error> {
        underWay.withLock { underWay in
            if let task = underWay[wish] { return task }
            // Awaited by whoever wants it meanwhile; nobody's cancellation may stop it.
            let task = Task { try await makeSure(of: wish) }
            underWay[wish] = task
            return task
        }
    }

    private func makeSure(of wish: Wish) async throws {
        defer { underWay.withLock { $0[wish] = nil } }
        let now = ContinuousClock.now
        try await make(wish.queue, wish.name, of: wish.topic, wish.isOrderly, wish.limit)
        try await listen(wish.queue, to: wish.tags, of: TopicName(wish.topic), now)
    }

    /// For who has found a group's queue gone.
    func forget(_ queue: QueueName) { heard.withLock { $0[queue] = nil } }

    /// For who has made a topic anew, which nobody hears.
    func forget(groupsOf topic: String) {
        heard.withLock { heard in heard = heard.filter { !$0.key.text.hasPrefix(topic + ".") } }
    }

    private func listen(
        _ queue: QueueName, to tags: [String]?, of topic: TopicName, _ now: ContinuousClock.Instant
    ) async throws {
        guard let known = try await subscription(of: queue, to: topic) else {
            try await broker.subscribe(queue, to: topic, tags: tags)
            return note(queue, hears: tags, now)
        }
        note(queue, hears: known.tags, now)
        guard known.tags != tags, beginsChange(of: queue, to: tags, now) else { return }
        do { try await broker.subscribe(queue, to: topic, tags: tags) } catch {
            heard.withLock { $0[queue] = nil }
            throw error
        }
    }

    /// Nil when there is none, or one that goes elsewhere.
    private func subscription(of queue: QueueName, to topic: TopicName) async throws -> Subscription? {
        do {
            let subscription = try await broker.subscription(queue.text, of: topic).subscription
            return subscription.endpoint == .queue(queue) ? subscription : nil
        } catch QueueError.unknownSubscription { return nil }
    }

    private func note(_ queue: QueueName, hears tags: [String]?, _ now: ContinuousClock.Instant) {
        heard.withLock { heard in
            if heard.count >= Self.most, heard[queue] == nil { heard = [:] }
            heard[queue] = Heard(tags: tags, seenAt: now, changedAt: heard[queue]?.changedAt)
        }
    }

    /// - Returns: false when somebody else has changed it just before.
    private func beginsChange(of queue: QueueName, to tags: [String]?, _ now: ContinuousClock.Instant) -> Bool {
        heard.withLock { heard in
            guard !(heard[queue]?.wasChanged(at: now) ?? false) else { return false }
            heard[queue] = Heard(tags: tags, seenAt: now, changedAt: now)
            return true
        }
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
                "Topic \(topic) has \(limit) groups. Another one takes the right to manage the topic.")
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
