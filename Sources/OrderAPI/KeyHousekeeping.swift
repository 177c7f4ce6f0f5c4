import Logging
import Postgres
import ServiceLifecycle
import ShoeShop

/// Forgets idempotency keys once their 24 hours are over.
struct KeyHousekeeping: Service {
    let database: Database
    let logger: Logger

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                // First the pause: many processes may start at once.
                try await Task.sleep(for: .seconds(600) * Double.random(in: 0.8...1.2))
                do { try await database.write { _ = try IdempotencyKeys.forgetExpired(in: $0) } } catch {
                    logger.info("could not forget expired keys, trying again", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
