import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

extension SystemTests {
    @Test(
        "shoeshop migrate --roles, by an administrator or the owner, leaves a shop that works under a role that may change no schema"
    )
    func roles() async throws {
        try await TestDatabase.with(.empty) { superuser in
            try await TestRole.with(in: superuser, rights: "CREATEROLE") { _, administrator in
                try await TestRole.named(2, in: superuser) { names in
                    try await give(superuser, to: administrator)
                    // Before the schema is there, as in the first deployment; and again.
                    for database in [administrator, administrator] { try await migrate(database, names) }
                    try await superuser.script("ALTER ROLE \(names[0]) LOGIN")
                    try await TestRole.connected(as: names[0], to: superuser) { try await migrate($0, names) }
                    try await trade(as: names[1], on: superuser)
                    #expect(try await belonging(to: names[1], on: superuser) == 0)
                    #expect(try await belonging(to: names[0], on: superuser) > 40)
                }
            }
        }
    }

    @Test(
        "the owner alone makes the schema, where an administrator made the roles and lets it, and the shop works under the worker's role"
    )
    func ownerFromTheStart() async throws {
        try await TestDatabase.with(.empty) { superuser in
            try await TestRole.named(2, in: superuser) { names in
                try await superuser.script(
                    """
                    CREATE ROLE \(names[0]) LOGIN; CREATE ROLE \(names[1]) LOGIN;
                    CREATE SCHEMA mq AUTHORIZATION \(names[0]); CREATE SCHEMA shop AUTHORIZATION \(names[0]);
                    CREATE SCHEMA orders AUTHORIZATION \(names[0]); CREATE SCHEMA stock AUTHORIZATION \(names[0]);
                    CREATE SCHEMA payment AUTHORIZATION \(names[0]); CREATE SCHEMA logistics AUTHORIZATION \(names[0]);
                    """)
                try await TestRole.connected(as: names[0], to: superuser) { try await migrate($0, names) }
                try await trade(as: names[1], on: superuser)
            }
        }
    }

    @Test(
        "shoeshop migrate --roles by somebody who may not make roles ends with what an administrator has to say, and changes nothing"
    )
    func rolesRefused() async throws {
        try await TestDatabase.with(.empty) { superuser in
            try await TestRole.with(in: superuser) { name, anybody in
                try await give(superuser, to: anybody)
                let end = try await TestProcess.end(
                    of: "shoeshop", ["migrate", "--roles", "--database-url", anybody.conninfo])
                #expect(end.status == 1)
                #expect(end.complaint.contains("role \(name) may not create roles: an administrator says CREATE ROLE"))
                let schemas = try await superuser.query("SELECT FROM pg_namespace WHERE nspname = 'mq'") { _ in true }
                #expect(schemas.isEmpty)
            }
        }
    }

    /// Makes a role the owner of the database.
    private func give(_ database: Database, to role: Database) async throws {
        let name = try await role.query("SELECT current_user::text") { try $0[0, as: String.self] }[0]
        try await database.script(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO \(name)', current_database()); END $$")
    }

    private func migrate(_ database: Database, _ names: [String]) async throws {
        let said = try await TestProcess.output(
            of: "shoeshop",
            [
                "migrate", "--roles", "--owner-role", names[0], "--worker-role", names[1], "--database-url",
                database.conninfo,
            ])
        #expect(said.contains("It belongs to \(names[0]), and \(names[1]) may work with it."))
    }

    private func trade(as worker: String, on superuser: Database) async throws {
        try await superuser.script("UPDATE stock.items SET delivered = delivered + 100000, on_hand = on_hand + 100000")
        try await TestRole.connected(as: worker, to: superuser) { try await trade($0) }
    }

    /// Orders all the way, over segments that are opened and dropped meanwhile, and what an operator looks at.
    private func trade(_ database: Database) async throws {
        let broker = Broker(database)
        try await ShopUnderTest.with(database, workers: []) { shop, _ in
            let short = ["RETENTION": "1s"]
            try await shop.start(ShopUnderTest.workers[...], settings: short) { _ in
                var orders = try await shop.submit(50)
                // Whoever starts looks after the segments at once, and then every half a minute.
                try await eventually("the first segment is gone", within: .seconds(120)) {
                    orders += try await shop.submit(5)
                    try await shop.start(["order-worker"], settings: short) { _ in }
                    return try await database.query("SELECT min(segment) > 1 FROM mq.segments") {
                        try $0[0, as: Bool.self]
                    } == [true]
                }
                try await shop.expectBalance(accepted: orders)
                // What had to be put off is tried again by whoever starts, too, and by nobody once they have all ended.
                try await eventually("what had to be put off has been done") {
                    try await shop.start(["order-worker"], settings: short) { _ in }
                    return try await broker.chores().allSatisfy { $0.failingFor == nil }
                }
            }
            for command in [["queues"], ["dead", "list"], ["pause", "orders"], ["resume", "orders"]] {
                let end = try await TestProcess.end(of: "shoeshop", command + ["--database-url", database.conninfo])
                #expect(end.status == 0, "\(command): \(end.output) \(end.complaint)")
            }
        }
    }

    private func belonging(to role: String, on database: Database) async throws -> Int {
        try await database.query(
            "SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = $1)", role
        ) {
            try $0[0, as: Int.self]
        }[0]
    }
}
