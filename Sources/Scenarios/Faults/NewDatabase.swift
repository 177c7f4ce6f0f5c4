import Postgres
import ShoeShop
import Synchronization

/// The database is dropped beneath the living shop, and another one, with nothing in it but the shop's shelves, is there under
/// its name: what a restore of the wrong backup, or a switch to another server, does.
struct NewDatabase: Trouble {
    private let server: ScenarioServer
    private let spares: SpareDatabases
    private let forgotten: ForgottenOrders

    private let insisting: Insistence

    /// - Parameter tell: is told when the database could not be made anew yet.
    init(
        on server: ScenarioServer, from spares: SpareDatabases, forgotten: ForgottenOrders,
        tell: @escaping @Sendable (String) async -> Void = { _ in }
    ) {
        self.server = server
        self.spares = spares
        self.forgotten = forgotten
        insisting = Insistence(failure: "the database could not be made anew", tell: tell, passes: Self.passes)
    }

    private static let old = "scenario_old"

    func begin() async throws {
        guard let spare = spares.take() else {
            throw ScenarioError(.faultFailed, "there is no database left to take the place of the shop's")
        }
        try await insisting {
            try await server.withSession(named: "new-database", in: "postgres") { session in
                try await replace(by: spare, session)
            }
        }
    }

    /// Where it could not be made, the shop gets back what it had.
    func end() async throws {
        try await insisting {
            try await server.withSession(named: "new-database", in: "postgres") { session in
                try await putBack(session)
            }
        }
    }

    /// Also a database that somebody has just come into, such as another trouble, and a step of which nobody knows whether it
    /// was taken: the next attempt looks.
    private static func passes(_ error: PostgresError) -> Bool {
        error.isRetryable || error.kind == .outcomeUnknown || error.sqlState == "55006"
    }

    /// Goes on from where an earlier attempt has left it.
    private func replace(by spare: String, _ session: Connection) async throws {
        if try await takesConnections(spare, session) != nil {
            if try await takesConnections(Self.old, session) == nil { try await moveAway(session) }
            try await session.script("ALTER DATABASE \(spare) RENAME TO \(server.database)")
        }
        guard try await takesConnections(Self.old, session) != nil else { return }
        try await session.script("ALTER DATABASE \(Self.old) ALLOW_CONNECTIONS true")
        forgotten.note(try await orders())
        try await session.script("DROP DATABASE \(Self.old) WITH (FORCE)", within: SpareDatabases.limit)
    }

    /// What is committed until here is in the old one, and nothing after.
    private func moveAway(_ session: Connection) async throws {
        try await session.script("ALTER DATABASE \(server.database) ALLOW_CONNECTIONS false")
        try await server.terminateBackends(by: session)
        try await session.script("ALTER DATABASE \(server.database) RENAME TO \(Self.old)")
    }

    private func putBack(_ session: Connection) async throws {
        let name = server.database
        let isOpen = try await takesConnections(name, session)
        if isOpen == true { return }
        if isOpen == nil { try await session.script("ALTER DATABASE \(Self.old) RENAME TO \(name)") }
        try await session.script("ALTER DATABASE \(name) ALLOW_CONNECTIONS true")
    }

    /// Nil for a database that isn't there.
    private func takesConnections(_ name: String, _ session: Connection) async throws -> Bool? {
        try await session.query("SELECT datallowconn FROM pg_database WHERE datname = $1", name) {
            try $0[0, as: Bool.self]
        }.first
    }

    private func orders() async throws -> [OrderID] {
        try await server.withSession(named: "old-database", in: Self.old) { session in
            try await session.query("SELECT id FROM orders.orders") { try $0[0, as: OrderID.self] }
        }
    }
}

/// Databases that were made before the run, so that the shop is without one for a moment only.
final class SpareDatabases: Sendable {
    static let limit = Duration.seconds(60)

    private let names: Mutex<[String]>

    /// - Parameter count: how often the timeline makes the database anew.
    init(_ count: Int, on server: ScenarioServer, with setup: ShopSetup) async throws {
        let all = (0..<count).map { "scenario_spare_\($0)" }
        for name in all {
            try await server.withSession(named: "spare-database", in: "postgres") { session in
                try await session.script("CREATE DATABASE \(name)", within: Self.limit)
            }
            try await setup.install(on: server.conninfo(of: name))
        }
        names = Mutex(all)
    }

    func take() -> String? { names.withLock { $0.popLast() } }
}

/// The orders of a database that is no more. Nobody at the shop knows of them, but their customers and the third parties do.
final class ForgottenOrders: Sendable {
    private let orders = Mutex<Set<OrderID>>([])

    var all: Set<OrderID> { orders.withLock { $0 } }

    func note(_ more: [OrderID]) { orders.withLock { $0.formUnion(more) } }
}
