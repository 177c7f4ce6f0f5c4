import Synchronization

/// How many calls a second one key may make through this process: a bucket that fills steadily, and holds a second's worth.
final class KeyPace: Sendable {
    let rate: Double
    private let clock: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>

    private struct State {
        var tokens: Double
        var at: ContinuousClock.Instant
    }

    init(rate: Double, clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.rate = rate
        self.clock = clock
        state = Mutex(State(tokens: max(1, rate), at: clock()))
    }

    /// Whether one more call may be made now.
    func take() -> Bool {
        let now = clock()
        return state.withLock { state in
            let seconds = state.at.duration(to: now) / .seconds(1)
            state.tokens = min(max(1, rate), state.tokens + seconds * rate)
            state.at = now
            guard state.tokens >= 1 else { return false }
            state.tokens -= 1
            return true
        }
    }
}
