import Durations

/// Tells the time of a story that is played at some speed, from the moment when the first order may be due.
struct StoryClock: Sendable {
    let start: ContinuousClock.Instant
    let speed: Double

    /// Seconds since the start, of the real clock.
    var now: Double { start.duration(to: .now).inSeconds }

    /// Of the real clock, for a time of the story.
    func real(_ story: Double) -> Double { story / speed }

    /// - Throws: `CancellationError`.
    func wait(until story: Double) async throws {
        try await Task.sleep(until: start + .seconds(real(story)), clock: .continuous)
    }
}
