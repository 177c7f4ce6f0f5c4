import Foundation
import Launch
import Logging
import ServiceLifecycle

/// Does not hear that it should stop.
struct Deaf: Service {
    let whenStopped: @Sendable () -> Void

    func run() async throws {
        await withGracefulShutdownHandler {
            while true { try? await Task.sleep(for: .seconds(3600)) }
        } onGracefulShutdown: {
            whenStopped()
        }
    }

    /// Is told to stop, and has a fifth of a second for it.
    static func stop(_ whenStopped: @escaping @Sendable () -> Void = {}) async throws {
        let logger = Logger(label: "deaf")
        let group = ServiceGroup(
            services: [Deaf(whenStopped: whenStopped), ShutdownLimit(.milliseconds(200), logger: logger)],
            logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask { await group.triggerGracefulShutdown() }
            try await tasks.waitForAll()
        }
    }

    /// Takes everything that runs tasks.
    @Sendable static func block() {
        for _ in 0..<64 { Task.detached { while true { sleep(3600) } } }
    }
}
