/// How a queue behaves. Durations are kept in whole milliseconds.
public struct QueueSettings: Sendable, Equatable {
    /// Parallel logs of the queue; fixed once the queue exists.
    public var lanes: Int
    /// How long a consumer that gives no sign of life keeps its messages.
    public var lease: Duration
    public var retry: RetryPolicy
    /// Whether messages have priorities: three levels, each with as many lanes. Fixed once the queue exists.
    public var priorities: Bool
    /// Whether, and how, messages of one key keep their order; nil for none. Fixed once the queue exists.
    public var order: KeyOrder?
    /// Nil leaves the limits of an existing queue as they are, so that what an operator has set outlasts a restart.
    public var limits: QueueLimits?

    public init(
        lanes: Int = 8, lease: Duration = .seconds(30), retry: RetryPolicy = .init(), priorities: Bool = false,
        order: KeyOrder? = nil, limits: QueueLimits? = nil
    ) {
        self.lanes = lanes
        self.lease = lease
        self.retry = retry
        self.priorities = priorities
        self.order = order
        self.limits = limits
    }

    var levels: Int16 { priorities ? Priority.levels : 1 }
    private static let mostLanes = 64

    func check() throws {
        func demand(_ holds: Bool, _ what: String) throws { if !holds { throw QueueError.invalidSettings(what) } }
        let most = Self.mostLanes / Int(levels) / (order == nil ? 1 : 2)
        try demand((1...most).contains(lanes), "such a queue has 1 to \(most) lanes, not \(lanes)")
        try demand(!priorities || order == nil, "a queue has priorities or keeps order, not both")
        try limits?.check()
        try demand(lease > .zero, "a lease must be longer than zero")
        try demand((1...32_000).contains(retry.attempts), "a queue allows 1 to 32000 attempts, not \(retry.attempts)")
        try demand(
            retry.base >= .zero && retry.cap >= retry.base, "the back-off must not be negative, nor above its cap")
        try demand((0...1).contains(retry.jitter), "jitter is a share between 0 and 1, not \(retry.jitter)")
    }
}

/// When a failed message is tried again, and when it is given up.
public struct RetryPolicy: Sendable, Equatable {
    /// Deliveries in all, the first one included, before a message is dead-lettered.
    public var attempts: Int
    /// The back-off after the first failure; it doubles with each further one.
    public var base: Duration
    /// The longest back-off.
    public var cap: Duration
    /// The share by which a back-off is lengthened or shortened at random, so that what failed together is not retried
    /// together.
    public var jitter: Double

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
        let doubled = base * Int(1 << min(max(attempt - 1, 0), 30))
        return min(doubled, cap) * (1 + jitter * draw)
    }
}

extension Duration {
    var milliseconds: Int { Int(components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000) }
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
