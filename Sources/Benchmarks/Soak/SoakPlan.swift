public import DeliveryCheck
public import Foundation

/// What is done to the queue while it is soaked, all in shares of the whole time.
public struct SoakPlan: Sendable {
    /// Seconds of traffic.
    public var seconds: Double
    /// Messages per second.
    public var perSecond: Double

    public init(seconds: Double, perSecond: Double = 500) {
        self.seconds = seconds
        self.perSecond = perSecond
    }

    /// Seconds between two samples.
    var interval: Double { min(30, max(1, seconds / 60)) }
    /// Many segments come and go meanwhile.
    var keep: Duration { .seconds(max(4, seconds / 15)) }
    var rotate: Duration { keep / 4 }
    /// A snapshot is held open in the second quarter.
    var pinned: ClosedRange<Double> { seconds * 0.25...seconds * 0.5 }

    /// When one of the two workers is ended, and how: it is started again each time.
    var restarts: [(at: Double, isKilled: Bool)] {
        [0.15, 0.35, 0.55, 0.65, 0.75, 0.85].enumerated().map { (seconds * $1, $0 % 2 == 0) }
    }
}

/// How it stood at the end of one interval.
public struct SoakSample: Sendable {
    /// Seconds since the start.
    public let at: Double
    /// Messages begun in this interval, per second.
    public let rate: Double
    /// From commit to handler start in this interval, in milliseconds.
    public let p50, p99, largest: Double
    /// Megabytes of the schema `mq`, indexes included.
    public let disk: Double
    /// Megabytes of the workers' and of the server's own memory.
    public let workers, server: Double
    public let segments: Int
    public let depth: Int
    public let isPinned: Bool
}

/// What came of it.
public struct SoakOutcome: Sendable {
    public let samples: [SoakSample]
    public let check: QueueCheck<UUID>
    /// Seconds since the start, and what was done to a worker.
    public let restarts: [(at: Double, isKilled: Bool)]
}
