import Logging
import MessageQueue
import Postgres
import ServiceLifecycle
import ShoeShop

/// Forgets idempotency keys once their 24 hours are over.
struct KeyHousekeeping: Service {
    let database: Database
    let watchdog: Watchdog
    let logger: Logger

    private static let pause = Duration.seconds(600)
    /// Beside the pause.
    private static let longestWork = Duration.seconds(180)

    func run() async throws {
        let pulse = watchdog.pulse(of: "forget idempotency keys")
        try? await cancelWhenGracefulShutdown {
            while true {
                pulse.beat(within: Self.pause + Self.longestWork)
                // First the pause: many processes may start at once.
                try await Task.sleep(for: Self.pause * Double.random(in: 0.8...1.2))
                do { try await database.write { _ = try IdempotencyKeys.forgetExpired(in: $0) } } catch {
                    logger.info("could not forget expired keys, trying again", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
