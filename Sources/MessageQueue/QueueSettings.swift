import Durations

/// How a queue behaves. Durations are kept in whole milliseconds, and are a year at the most, 366 days.
public struct QueueSettings: Sendable, Equatable {
    /// Parallel logs of the queue, from 1 to 64, with ``priorities`` to 21 or 4, with ``order`` to 32; fixed once the queue exists.
    public var lanes: Int
    /// How long a consumer that gives no sign of life keeps its messages; from a millisecond to 366 days.
    public var lease: Duration
    /// When a failed message is tried again, and when it is given up.
    public var retry: RetryPolicy
    /// How many priorities of messages are told apart: levels, each with as many lanes. Fixed once the queue exists.
    public var priorities: PriorityLevels
    /// Whether, and how, messages of one key keep their order; nil for none. Fixed once the queue exists.
    public var order: KeyOrder?
    /// How long after it was sent a message is delivered at the latest, from a millisecond to 366 days; nil for ever. What is older is
    /// dropped, whatever attempts it had, and counted as ``QueueStatistics/outdated``. Not in a queue that keeps order, where what comes
    /// later has to know that what came before is done or dead.
    public var retention: Duration?
    /// How long a message waits that is sent or published without a ``Outgoing/delay`` of its own; from nothing to 366 days. Not in a queue
    /// that keeps order. When it is changed, who publishes goes by it at once, and a process that sends within a quarter of a minute.
    public var delay: Duration
    /// Nil leaves the limits of an existing queue as they are, so that what an operator has set outlasts a restart.
    public var limits: QueueLimits?

    /// The defaults, but for what is given: 8 lanes, or as many as ``priorities`` allow.
    public init(
        lanes: Int? = nil, lease: Duration = .seconds(30), retry: RetryPolicy = .init(),
        priorities: PriorityLevels = .none,
        order: KeyOrder? = nil, retention: Duration? = nil, delay: Duration = .zero,
        limits: QueueLimits? = nil
    ) {
        self.lanes = lanes ?? min(Self.usualLanes, priorities.mostLanes)
        self.lease = lease
        self.retry = retry
        self.priorities = priorities
        self.order = order
        self.retention = retention
        self.delay = delay
        self.limits = limits
    }

    private static let usualLanes = 8

    /// - Throws: ``QueueError/invalidSettings(_:)`` for the first that lies outside of its range.
    func check() throws {
        if priorities != .none, order != nil {
            throw QueueError.invalidSettings("a queue has priorities or keeps order, not both")
        }
        if retention != nil, order != nil {
            throw QueueError.invalidSettings("a queue has a retention or keeps order, not both")
        }
        if delay > .zero, order != nil {
            throw QueueError.invalidSettings("a queue has a delay or keeps order, not both")
        }
        let most = priorities.mostLanes / (order == nil ? 1 : 2)
        try QueueError.demand("lanes", lanes, in: 1...most, where: kind)
        try QueueError.demand("lease", lease, in: SettingRange.leases)
        try retention.map { try QueueError.demand("retention", $0, in: SettingRange.leases) }
        try QueueError.demand("delay", delay, in: SettingRange.delays)
        try retry.check()
        try limits?.check()
    }

    private var kind: String {
        priorities != .none ? "in a queue with priorities" : order == nil ? "" : "in a queue that keeps order"
    }
}

/// When a failed message is tried again, and when it is given up.
public struct RetryPolicy: Sendable, Equatable {
    /// Deliveries in all, the first one included, before a message is dead-lettered; from 1 to 32,000.
    public var attempts: Int
    /// The back-off after the first failure; it doubles with each further one. From nothing to ``cap``.
    public var base: Duration
    /// The longest back-off; from nothing to 366 days.
    public var cap: Duration
    /// The share by which a back-off is lengthened or shortened at random, so that what failed together is not retried
    /// together; from 0 to 1.
    public var jitter: Double

    /// The defaults, but for what is given.
    public init(
        attempts: Int = 10, base: Duration = .milliseconds(500), cap: Duration = .seconds(60), jitter: Double = 0.2
    ) {
        self.attempts = attempts
        self.base = base
        self.cap = cap
        self.jitter = jitter
    }

    /// The back-off after the failure of this attempt; `draw` is a random number between -1 and 1.
    public func backoff(after attempt: Int, draw: Double) -> Duration {
        // A policy that nobody has checked must not trap either.
        let doubled = base.bounded * (1 << (min(max(attempt, 1), 31) - 1))
        let factor = 1 + jitter * draw
        return min(doubled, cap.bounded) * (factor.isFinite ? min(max(factor, 0), 2) : 1)
    }

    fileprivate func check() throws {
        try QueueError.demand("retry.attempts", attempts, in: 1...32_000)
        try QueueError.demand("retry.cap", cap, in: SettingRange.delays)
        try QueueError.demand("retry.base", base, in: .zero...cap, where: "(its cap)")
        try QueueError.demand("retry.jitter", jitter, in: 0...1)
    }
}
