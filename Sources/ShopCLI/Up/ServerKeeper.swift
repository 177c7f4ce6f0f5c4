import LocalPostgres

/// Starts our private PostgreSQL again when it has died. Workers and API wait for it meanwhile.
struct ServerKeeper: Sendable {
    /// Nil for a database that was given: that is somebody else's business.
    let postgres: LocalPostgres?
    let screen: Screen

    /// Runs `body` while somebody looks after the server.
    func serve<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await keepRunning() }
            defer { tasks.cancelAll() }
            return try await body()
        }
    }

    private func keepRunning() async {
        guard let postgres else { return }
        while !Task.isCancelled {
            // The server is nobody's child here: there is no event to await. Cancellation ends the pause, then the loop.
            try? await Task.sleep(for: .seconds(1))
            guard !Task.isCancelled, (try? postgres.status()) == .stopped else { continue }
            await screen.notice("PostgreSQL ended, starting it again.")
            do { _ = try await postgres.start() } catch { await screen.notice("\(error)") }
        }
    }
}
