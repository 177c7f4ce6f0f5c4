import Durations
public import Logging
import Metrics
import Synchronization

/// Knows of each loop of a process whether it comes round in its time.
///
/// Every wait of the engine has a deadline, so a loop that has not come round stands still for a reason that nobody thought of,
/// or a step's own code does not return. Readiness should ask ``lateLoops()``; an application's own loops may take part:
///
/// ```swift
/// let pulse = broker.watchdog.pulse(of: "sweep carts")
/// while !Task.isCancelled {
///     pulse.beat(within: .seconds(120))
///     try await sweep()
///     try await Task.sleep(for: .seconds(60))
/// }
/// ```
public final class Watchdog: Sendable {
    private let beats = Mutex(LoopBeats())
    /// Of the loops that go on for as long as the process, by name.
    private let gauges = Mutex<[String: Gauge]>([:])
    private let logger: Logger

    /// Watches loops that report their beats, and tells `logger` when one has fallen silent.
    public init(logger: Logger) { self.logger = logger }

    /// The loops that have not come round in their time; none while all is well.
    ///
    /// Each is logged once, and once more when it has come round again. What the metric `mq_loop_late_seconds` tells is brought up
    /// to date: a loop that stands still can't do so itself.
    public func lateLoops() -> [LateLoop] {
        let now = ContinuousClock.now
        let (late, new, lateness) = beats.withLock { beats in
            let new = beats.newlyLate(at: now)
            return (beats.late(at: now), new, beats.lateness(at: now))
        }
        for (loop, gauge) in gauges.withLock({ $0 }) { gauge.record((lateness[loop] ?? .zero).inSeconds) }
        for loop in new {
            logger.info(
                "a loop has not come round in its time",
                metadata: ["loop": "\(loop.name)", "seconds": "\(loop.silence.components.seconds)"])
        }
        return late
    }

    /// A loop that goes on for as long as the process. How late it is tells the metric `mq_loop_late_seconds`, as often as somebody asks
    /// for ``lateLoops()``: a ``Worker`` does every second, and ``QueueMetrics`` with each reading.
    public func pulse(of loop: String) -> Pulse {
        let gauge = Metric.loopLate.gauge(loop)
        gauge.record(0)
        gauges.withLock { $0[loop] = gauge }
        return Pulse(of: loop, at: self)
    }

    /// Something that is done once and has to end in time, perhaps many times at once.
    public func pulse(ofTask name: String) -> Pulse { Pulse(of: name, at: self) }

    /// Looks now and then, so that the log tells of late loops also where nobody asks for readiness; until cancelled.
    func run() async {
        while (try? await Task.sleep(for: .seconds(1))) != nil { _ = lateLoops() }
    }

    /// A loop's signs of life. The loop has ended when nobody has its pulse any more.
    public final class Pulse: Sendable {
        private let name: String
        private let watchdog: Watchdog
        private let loop: Int

        fileprivate init(of name: String, at watchdog: Watchdog) {
            self.name = name
            self.watchdog = watchdog
            loop = watchdog.beats.withLock { $0.begin(name) }
        }

        deinit { watchdog.beats.withLock { $0.end(loop) } }

        /// The loop has come round, and will again within `limit`.
        public func beat(within limit: Duration) {
            tell(watchdog.beats.withLock { $0.beat(loop, within: limit, at: .now) })
        }

        /// The loop waits for what may come whenever it likes, and can't be late.
        public func rest() { tell(watchdog.beats.withLock { $0.rest(loop, at: .now) }) }

        private func tell(_ silence: Duration?) {
            guard let silence else { return }
            watchdog.logger.info(
                "a late loop has come round",
                metadata: ["loop": "\(name)", "seconds": "\(silence.components.seconds)"])
        }
    }
}
