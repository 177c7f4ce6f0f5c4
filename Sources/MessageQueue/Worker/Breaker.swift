import Synchronization

/// Stops a step from claiming while the third party it needs is down, so that an outage burns no attempts.
///
/// After `threshold` failures in a row, from several messages or one, the step claims nothing more. Messages in flight that
/// fail now are given back without counting the attempt. After `pause` one message is let through as a probe: if it goes
/// well, everything goes on; if not, the pause doubles, up to `cap`, and the probe's attempt isn't counted either. So an
/// outage costs at most `threshold` attempts a process, however long it lasts.
///
/// Each process judges for itself. What counts as a failure is an error that means ``Disposition/retry`` or
/// ``Disposition/retryAfter(_:)``; anything that a step answers on purpose shows that the third party is there.
public struct CircuitBreaker: Sendable, Equatable {
    /// How many failures in a row open it; from 1 to a million.
    public var threshold: Int
    /// How long nothing is claimed after it opened; doubled with each probe that fails. From a millisecond to 366 days.
    public var pause: Duration
    /// The longest pause; from ``pause`` to 366 days.
    public var cap: Duration

    /// Makes a breaker. What lies outside of its range, ``Worker/run()`` refuses.
    public init(threshold: Int = 5, pause: Duration = .seconds(1), cap: Duration = .seconds(30)) {
        self.threshold = threshold
        self.pause = pause
        self.cap = cap
    }
}

/// Closed: everything passes. Open: nothing, until a moment. Half open: one probe, and nothing more until it has ended.
struct BreakerState: ~Copyable {
    private enum State {
        case closed(failures: Int)
        case open(until: ContinuousClock.Instant, pause: Duration)
        case halfOpen(pause: Duration, isProbing: Bool)
    }

    enum Admission: Equatable { case all, one, none(until: ContinuousClock.Instant?) }
    enum Response: Equatable { case counts, opens, spared(until: ContinuousClock.Instant) }

    private let settings: CircuitBreaker
    private var state = State.closed(failures: 0)

    init(_ settings: CircuitBreaker) { self.settings = settings }

    var isClosed: Bool { if case .closed = state { true } else { false } }

    /// How much may be claimed.
    mutating func admit(at now: ContinuousClock.Instant) -> Admission {
        switch state {
        case .closed: return .all
        case .open(let until, _) where now < until: return .none(until: until)
        case .open(_, let pause):
            state = .halfOpen(pause: pause, isProbing: false)
            return .one
        case .halfOpen(_, isProbing: true): return .none(until: nil)
        case .halfOpen(_, isProbing: false): return .one
        }
    }

    /// What was admitted is on its way.
    mutating func started() {
        if case .halfOpen(let pause, _) = state { state = .halfOpen(pause: pause, isProbing: true) }
    }

    /// - Returns: whether this closed it.
    mutating func succeeded() -> Bool {
        let wasClosed = isClosed
        state = .closed(failures: 0)
        return !wasClosed
    }

    /// A message ended without a word about the third party, so another probe may begin.
    mutating func endedOtherwise() {
        if case .halfOpen(let pause, _) = state { state = .halfOpen(pause: pause, isProbing: false) }
    }

    /// What is to be done with the message that failed.
    mutating func failed(at now: ContinuousClock.Instant) -> Response {
        switch state {
        case .closed(let failures) where failures + 1 < settings.threshold:
            state = .closed(failures: failures + 1)
            return .counts
        case .closed:
            state = .open(until: now + settings.pause, pause: settings.pause)
            return .opens
        case .open(let until, _): return .spared(until: until)
        case .halfOpen(let pause, _):
            let longer = min(pause * 2, settings.cap)
            state = .open(until: now + longer, pause: longer)
            return .spared(until: now + longer)
        }
    }
}

/// A breaker among the tasks of a step.
final class Breaker: Sendable {
    private let state: Mutex<BreakerState>
    private let onChange: @Sendable (_ isOpen: Bool, _ reason: String) -> Void
    /// Rung when claiming may go on.
    private let bell: Bell

    init(_ settings: CircuitBreaker, bell: Bell, onChange: @escaping @Sendable (Bool, String) -> Void) {
        state = Mutex(BreakerState(settings))
        self.bell = bell
        self.onChange = onChange
    }

    func admit() -> BreakerState.Admission { state.withLock { $0.admit(at: .now) } }
    func started() { state.withLock { $0.started() } }

    func succeeded() {
        guard state.withLock({ $0.succeeded() }) else { return }
        onChange(false, "")
        bell.ring()
    }

    func endedOtherwise() {
        state.withLock { $0.endedOtherwise() }
        bell.ring()
    }

    /// The verdict, or a gentler one while the third party is down.
    func soften(_ verdict: Verdict, on error: any Error) -> Verdict {
        switch state.withLock({ $0.failed(at: .now) }) {
        case .counts: return verdict
        case .opens:
            onChange(true, "\(error)".storable(upTo: MessageLimits.errorBytes))
            return verdict
        case .spared(let until):
            bell.ring()
            return .release(after: max(.zero, ContinuousClock.now.duration(to: until)))
        }
    }
}
