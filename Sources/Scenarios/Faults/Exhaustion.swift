import Postgres

/// Somebody takes all connections that are left, and every one that becomes free.
actor Exhaustion: Trouble {
    private let server: ScenarioServer
    private var sessions: [Connection] = []
    private var greed: Repetition?

    init(of server: ScenarioServer) { self.server = server }

    func begin() async throws {
        try await takeAll()
        greed = Repetition(every: .milliseconds(50)) { [weak self] in
            // A server that is away has no connections to take; it is asked again in a moment.
            try? await self?.takeAll()
        }
    }

    func end() async throws {
        await greed?.stop()
        greed = nil
        for session in sessions { await session.close() }
        sessions = []
    }

    /// Returns when the server has refused one.
    private func takeAll() async throws {
        sessions.removeAll(where: \.isBroken)
        while !Task.isCancelled {
            do { sessions.append(try await server.session(named: "exhaust")) } catch {
                guard Self.isRefusal(error) else { throw error }
                return
            }
        }
    }

    /// libpq tells no SQLSTATE of a connection that was refused; the server speaks English (`lc_messages`).
    private static func isRefusal(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError, error.kind == .connectionFailed else { return false }
        return error.message.contains("too many clients") || error.message.contains("connection slots are reserved")
    }
}
