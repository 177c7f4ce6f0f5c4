import Dispatch
import Durations
import Foundation
package import Logging
import ServiceLifecycle

/// How the time after the stop signal is spent: most of it on work in flight, the rest on putting an end to what is left.
struct ShutdownTimes {
    /// When the process ends, whatever hangs.
    let limit: Duration

    /// When workers give back what they have in flight.
    var drain: Duration { limit - rest }
    /// When everything is cancelled that has not ended by then.
    var cancellation: Duration { limit - rest / 3 }

    private var rest: Duration { min(.seconds(10), limit / 3) }
}

/// Ends the process when its services don't, after a stop signal or the failure of one of them.
///
/// On a queue of its own: what hangs may have taken the threads on which tasks run.
package struct ShutdownLimit: Service {
    /// EX_TEMPFAIL of sysexits.h: try again.
    static let exitStatus: Int32 = 75

    private let limit: Duration
    private let logger: Logger
    private let queue = DispatchQueue(label: "shutdown limit")

    package init(_ limit: Duration, logger: Logger) {
        self.limit = limit
        self.logger = logger
    }

    /// Until the other services are stopped.
    package func run() async throws {
        // Ends early, by an error, when another service has failed.
        try? await gracefulShutdown()
        countDown()
    }

    private func countDown() {
        queue.asyncAfter(deadline: .now() + limit.inSeconds) { [limit, logger, queue] in
            // Not here: the log may hang as well.
            DispatchQueue.global().async {
                logger.critical(
                    "did not stop in time and ends all the same: what it had in flight, others get",
                    metadata: ["limit": "\(limit)", "status": "\(Self.exitStatus)"])
            }
            queue.asyncAfter(deadline: .now() + 0.2) { _exit(Self.exitStatus) }
        }
    }
}
