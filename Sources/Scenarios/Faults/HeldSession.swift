import Postgres

/// Somebody's session keeps a transaction open, and with it what others need.
actor HeldSession: Trouble {
    enum Held: Sendable {
        /// Dead rows that it could see can't be removed by vacuum, anywhere in the database.
        case snapshot
        /// Nobody else can even read the table.
        case lock(table: String)
    }

    private let server: ScenarioServer
    private let held: Held
    private var session: Connection?

    /// Whatever becomes of this process, the server ends the transaction then.
    private static let limit = "30min"

    init(on server: ScenarioServer, _ held: Held) {
        self.server = server
        self.held = held
    }

    func begin() async throws {
        switch held {
        case .snapshot:
            try await hold("snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        case .lock(let table):
            try await server.require(table: table)
            try await hold(
                "lock", "BEGIN; SET LOCAL lock_timeout = '10s'; LOCK TABLE \(table) IN ACCESS EXCLUSIVE MODE")
        }
    }

    func end() async throws {
        guard let session else { return }
        self.session = nil
        // With the session everything has ended that it held. One that the server has lost holds nothing.
        try? await session.script("ROLLBACK")
        await session.close()
    }

    private func hold(_ name: String, _ sql: String) async throws {
        let session = try await server.session(named: name)
        self.session = session
        try await session.script("SET idle_in_transaction_session_timeout = '\(Self.limit)'; \(sql)")
    }
}

extension ScenarioServer {
    /// - Throws: ``ScenarioError`` of reason `unknownName`, unless there is such a table.
    fileprivate func require(table: String) async throws {
        // Nothing that would need quotes, since it goes into a statement as it is.
        guard table.wholeMatch(of: #/[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?/#) != nil else {
            throw ScenarioError(.unknownName, "\"\(table)\" is no name of a table, such as orders.orders")
        }
        let isTable = try await withSession(named: "lock") { session in
            try await session.query(
                "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p'))", table
            ) { try $0[0, as: Bool.self] }
        }
        guard isTable == [true] else {
            throw ScenarioError(.unknownName, "there is no table \(table) in the shop's database")
        }
    }
}
