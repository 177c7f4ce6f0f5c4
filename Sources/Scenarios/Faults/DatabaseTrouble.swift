import Durations
import Postgres

/// The private server suffers.
///
/// Sessions of faults do not disturb each other: a server whose backends are terminated keeps those that hold a lock or a
/// snapshot for another fault.
struct DatabaseTrouble: Trouble {
    private let trouble: any Trouble
    private let tell: @Sendable (String) async -> Void

    /// - Parameter tell: is told when the trouble could not be made yet.
    init(
        _ fault: DatabaseFault, on server: ScenarioServer,
        tell: @escaping @Sendable (String) async -> Void = { _ in }
    ) {
        self.tell = tell
        trouble =
            switch fault {
            case .kill: DownTime(of: server) { try await server.kill() }
            case .restart: DownTime(of: server) { try await server.shutDown() }
            case .terminate: Termination(server: server)
            case .exhaust: Exhaustion(of: server)
            case .timeout(let limit): StatementTimeout(server: server, limit: limit)
            case .full: FullDisk(of: server)
            case .snapshot: HeldSession(on: server, .snapshot)
            case .lock(let table): HeldSession(on: server, .lock(table: table))
            }
    }

    func begin() async throws { try await insisting { try await trouble.begin() } }
    func end() async throws { try await insisting { try await trouble.end() } }

    private func insisting(_ body: () async throws -> Void) async throws {
        let insistence = Insistence(
            failure: "the database fault could not be made or ended", tell: tell,
            undo: { [trouble] in _ = try? await trouble.end() })
        try await insistence(body)
    }
}

/// The server is away.
private struct DownTime: Trouble {
    let server: ScenarioServer
    let takeDown: @Sendable () async throws -> Void

    init(of server: ScenarioServer, takeDown: @escaping @Sendable () async throws -> Void) {
        self.server = server
        self.takeDown = takeDown
    }

    func begin() async throws { try await takeDown() }
    func end() async throws { try await server.start() }
}

/// Every backend is told to end, as an operator's tool or a failover does.
private struct Termination: Trouble {
    let server: ScenarioServer

    func begin() async throws {
        try await server.withSession(named: "terminate") { try await server.terminateBackends(by: $0) }
    }

    func end() async throws {}
}

/// The database's default for `statement_timeout` is changed. The shop's connections set none of their own, so it holds for
/// each session that begins from then on; to make it hold for all, those that are open are terminated.
private struct StatementTimeout: Trouble {
    let server: ScenarioServer
    let limit: Duration

    func begin() async throws {
        // Zero would mean none.
        try await alter("SET statement_timeout = '\(max(1, limit.wholeMilliseconds))ms'")
    }

    func end() async throws { try await alter("RESET statement_timeout") }

    private func alter(_ change: String) async throws {
        try await server.withSession(named: "timeout") { session in
            let names = try await session.query("SELECT quote_ident(current_database())") { try $0[0, as: String.self] }
            for name in names { try await session.script("ALTER DATABASE \(name) \(change)") }
            try await server.terminateBackends(by: session)
        }
    }
}
