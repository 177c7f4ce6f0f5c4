import Logging
import ServiceLifecycle

/// Keeps a note in the database that a server is there, so that people see it from other machines: a worker is seen as
/// a consumer. While the database is away the note falls silent, and nothing else comes of it.
package struct ProcessNote: Service {
    private let broker: Broker
    private let process: ProcessIdentity
    private let address: @Sendable () async -> String?
    private let troubles: @Sendable () async -> [String: String]

    private static let pause = Duration.seconds(10)

    /// - Parameters:
    ///   - name: of the program.
    ///   - broker: of the database that it is noted in.
    ///   - address: waits until it listens, and tells where; nil when it never will.
    ///   - troubles: tells what keeps it from being ready now.
    package init(
        of name: String, on broker: Broker, address: @escaping @Sendable () async -> String?,
        troubles: @escaping @Sendable () async -> [String: String]
    ) {
        self.broker = broker
        process = ProcessIdentity(name: name)
        self.address = address
        self.troubles = troubles
    }

    /// Until the service is shut down, and then the note is taken away.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            guard let address = await self.address() else { return }
            while !Task.isCancelled {
                let troubles = await self.troubles()
                await self.attempt("note") {
                    try await self.broker.note(process: self.process, at: address, troubles: troubles)
                }
                try? await Task.sleep(for: Self.pause * Double.random(in: Broker.jitter))
            }
        }
        await attempt("goodbye") { try await broker.forget(process: process) }
    }

    private func attempt(_ what: String, _ action: () async throws -> Void) async {
        do { try await action() } catch {
            // The database is away, which is told by everything else, too.
            broker.logger.debug("a \(what) was not written", metadata: ["error": "\(error)"])
        }
    }
}
