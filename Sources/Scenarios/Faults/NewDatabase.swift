import Postgres
import ShoeShop
import Synchronization

/// The database is dropped beneath the living shop, and another one, with nothing in it but the shop's shelves, is there under
/// its name: what a restore of the wrong backup, or a switch to another server, does.
struct NewDatabase: Trouble {
    private let server: ScenarioServer
    private let setup: ShopSetup
    private let forgotten: ForgottenOrders

    init(on server: ScenarioServer, setup: ShopSetup, forgotten: ForgottenOrders) {
        self.server = server
        self.setup = setup
        self.forgotten = forgotten
    }

    private static let next = "scenario_next"
    private static let old = "scenario_old"

    func begin() async throws {
        try await server.withSession(named: "new-database", in: "postgres") { session in
            for name in [Self.next, Self.old] {
                try await session.script("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
            }
            try await session.script("CREATE DATABASE \(Self.next)")
            try await setup.install(on: server.conninfo(of: Self.next))
            try await swap(by: session)
            forgotten.note(try await orders())
            try await session.script("DROP DATABASE \(Self.old) WITH (FORCE)")
        }
    }

    func end() async throws {}

    /// What is committed until here is in the old one, and nothing after.
    private func swap(by session: Connection) async throws {
        let name = server.database
        try await session.script("ALTER DATABASE \(name) ALLOW_CONNECTIONS false")
        try await server.terminateBackends(by: session)
        try await session.script("ALTER DATABASE \(name) RENAME TO \(Self.old)")
        try await session.script("ALTER DATABASE \(Self.next) RENAME TO \(name)")
        try await session.script("ALTER DATABASE \(Self.old) ALLOW_CONNECTIONS true")
    }

    private func orders() async throws -> [OrderID] {
        try await server.withSession(named: "old-database", in: Self.old) { session in
            try await session.query("SELECT id FROM orders.orders") { try $0[0, as: OrderID.self] }
        }
    }
}

/// The orders of a database that is no more. Nobody at the shop knows of them, but their customers and the third parties do.
final class ForgottenOrders: Sendable {
    private let orders = Mutex<Set<OrderID>>([])

    var all: Set<OrderID> { orders.withLock { $0 } }

    func note(_ more: [OrderID]) { orders.withLock { $0.formUnion(more) } }
}
