import Logging

extension Broker {
    /// One loop that doesn't end by a failure: what went wrong is logged, and tried again next time.
    func every(
        _ interval: () -> Duration, _ name: String, taking limit: Duration? = nil,
        _ action: @escaping (Watchdog.Pulse) async throws -> Void
    ) async {
        let pulse = watchdog.pulse(of: name)
        while !Task.isCancelled {
            pulse.beat(within: interval() * Self.jitter.upperBound + (limit ?? longestWork))
            do { try await action(pulse) } catch {
                // A process that stops while the database is away waits for nothing any more.
                if Task.isCancelled { return }
                logger.info("\(name) failed, trying again", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: interval() * Double.random(in: Self.jitter))
        }
    }

    /// What a pause is multiplied by, so that processes don't go in step.
    static let jitter = 0.9...1.1

    /// Between two beats, beside the pause: a statement or two.
    var longestWork: Duration { longestCall * 2 }
}
