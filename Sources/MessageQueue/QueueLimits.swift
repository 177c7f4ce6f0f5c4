/// What all workers of a queue together may not exceed.
///
/// Guarantee: counted in the database, in the transaction that claims, so it holds over any number of processes, also
/// through crashes. A changed limit is noticed within a heartbeat, ten seconds at the most.
public struct QueueLimits: Sendable, Equatable {
    /// The most messages in flight at once, 1 or more.
    public var concurrency: Int?
    /// Deliveries per second, retries included: from one a day to a billion a second.
    public var rate: Double?
    /// How many deliveries may come at once after a quiet time, a million at the most; by default a tenth of a second's, and
    /// one at least.
    public var burst: Int?

    /// Limits what is given, and nothing else.
    public init(concurrency: Int? = nil, rate: Double? = nil, burst: Int? = nil) {
        self.concurrency = concurrency
        self.rate = rate
        self.burst = burst
    }

    /// No limits.
    public static let none = QueueLimits()

    /// Beyond these, the times of a pace don't fit into a timestamp.
    private static let slowest = 1.0 / 86_400
    private static let fastest = 1_000_000_000.0
    package static let rates = slowest...fastest
    package static let bursts = 1...1_000_000
    package static let concurrencies = 1...Int(Int32.max)

    var pace: Pace? { rate.map { Pace(rate: $0, burst: burst ?? Self.usualBurst(at: $0)) } }

    private static func usualBurst(at rate: Double) -> Int {
        min(max(bursts.lowerBound, Int(exactly: (rate / 10).rounded(.down)) ?? .max), bursts.upperBound)
    }

    /// - Throws: ``QueueError/invalidSettings(_:)`` for the first that lies outside of its range.
    func check() throws {
        if let concurrency { try QueueError.demand("limits.concurrency", concurrency, in: Self.concurrencies) }
        if let rate { try Self.check(rate: rate) }
        if let burst { try QueueError.demand("limits.burst", burst, in: Self.bursts) }
        if burst != nil, rate == nil { throw QueueError.invalidSettings("a burst needs a rate") }
    }

    static func check(rate: Double, or error: (String) -> QueueError = QueueError.invalidSettings) throws {
        try QueueError.demand(
            "rate", rate, in: rates, where: "a second: from one a day to a billion a second", or: error)
    }
}
