import Logging
import MessageQueue
import Postgres
import ServiceLifecycle
import ShoeShop

/// Forgets idempotency keys once their 24 hours are over. A chore as those of the workers: nobody who does chores is ready while it has
/// failed for an hour.
struct KeyHousekeeping: Service {
    let broker: Broker
    let logger: Logger

    private static let chore = "forget idempotency keys"
    private static let pause = Duration.seconds(600)
    /// Beside the pause.
    private static let longestWork = Duration.seconds(180)
    private static let mostAtOnce = 10_000

    func run() async throws {
        let pulse = broker.watchdog.pulse(of: Self.chore)
        try? await cancelWhenGracefulShutdown {
            while true {
                pulse.beat(within: Self.pause + Self.longestWork)
                // First the pause: many processes may start at once.
                try await Task.sleep(for: Self.pause * Double.random(in: 0.8...1.2))
                do { try await broker.attempt(chore: Self.chore) { try await forget(pulse) } } catch {
                    logger.info("could not forget expired keys, trying again", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    /// However many have piled up.
    private func forget(_ pulse: Watchdog.Pulse) async throws {
        var forgotten = Self.mostAtOnce
        while forgotten >= Self.mostAtOnce {
            pulse.beat(within: Self.longestWork)
            forgotten = try await broker.database.write { session in
                try IdempotencyKeys.forgetExpired(limit: Self.mostAtOnce, in: session)
            }
        }
    }
}
