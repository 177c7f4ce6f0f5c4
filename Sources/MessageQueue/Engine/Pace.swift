import Foundation

/// A rate with bursts, as one point in time: until when what was let through so far takes, at that rate.
///
/// The generic cell rate algorithm (ITU-T I.371, annex A): the same as a bucket of `burst` tokens that is refilled at `rate`,
/// without anything that has to be refilled.
struct Pace: Equatable {
    let rate: Double
    let burst: Int

    /// How many may pass at `now`, and when there is none: how long until the next one may.
    func allowance(pacedUntil: Date, now: Date) -> (places: Int, wait: Duration?) {
        let ahead = max(0, pacedUntil.timeIntervalSince(now)) * rate
        // Times are kept in microseconds; a millionth of a message is no message.
        let places = Int(max(0, Double(burst) - ahead + 1e-6).rounded(.down))
        guard places < 1 else { return (places, nil) }
        return (0, .seconds((ahead - Double(burst) + 1) / rate))
    }
}
