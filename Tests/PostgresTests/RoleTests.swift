import Postgres
import TestSupport
import Testing

@Suite("An owner and a worker are made by whoever may, and nobody gets more than that")
struct RoleTests {
    /// Given and lent as the lines of this package are.
    private static let made = Migration(
        number: 1, name: "0001_made",
        sql: """
            CREATE SCHEMA shoes;
            CREATE TABLE shoes.shoe (size int);
            CREATE FUNCTION shoes.give_to(owner text) RETURNS void LANGUAGE plpgsql AS $$
            DECLARE
                thing regclass;
            BEGIN
                EXECUTE format('ALTER SCHEMA shoes OWNER TO %I', owner);
                FOR thing IN SELECT oid FROM pg_class WHERE relnamespace = 'shoes'::regnamespace AND relkind = 'r' LOOP
                    EXECUTE format('ALTER TABLE %s OWNER TO %I', thing, owner);
                END LOOP;
            END $$;
            CREATE FUNCTION shoes.lend_to(worker text) RETURNS void LANGUAGE plpgsql AS $$
            BEGIN
                EXECUTE format('GRANT USAGE ON SCHEMA shoes TO %I', worker);
                EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA shoes TO %I', worker);
            END $$;
            """)
    private static let more = Migration(
        number: 2, name: "0002_more", worksWith: 1, sql: "CREATE TABLE shoes.box (n int)")
    private static let line = MigrationLine("shoes", schema: "shoes", [made])
    private static let longer = MigrationLine("shoes", schema: "shoes", [made, more])

    /// A database that belongs to a role which may make others and is no superuser, and two names that are free.
    private func asAdministrator(
        _ body: (_ superuser: Database, _ administrator: Database, _ names: [String]) async throws -> Void
    ) async throws {
        try await Bench.with(limit: 2) { superuser in
            try await TestRole.with(in: superuser, rights: "CREATEROLE") { name, administrator in
                try await superuser.script(
                    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO \(name)', current_database()); END $$")
                try await TestRole.named(2, in: superuser) { try await body(superuser, administrator, $0) }
            }
        }
    }

    private func isThere(_ role: String, on database: Database) async throws -> Bool {
        try await !database.query("SELECT FROM pg_roles WHERE rolname = $1", role) { _ in true }.isEmpty
    }

    private func owners(on database: Database) async throws -> Set<String> {
        Set(
            try await database.query(
                """
                SELECT relowner::regrole::text FROM pg_class WHERE relnamespace = 'shoes'::regnamespace AND relkind = 'r'
                UNION SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'shoes'
                """
            ) { try $0[0, as: String.self] })
    }

    @Test(
        "a role that may make others, and is no superuser, makes both, gives to the one and lends to the other, again and again"
    )
    func administrator() async throws {
        try await asAdministrator { superuser, administrator, names in
            let roles = Roles(owner: names[0], worker: names[1])
            for line in [Self.line, Self.line, Self.longer, Self.longer] {
                try await roles.make(in: administrator)
                try await Migrator(line).run(on: administrator)
                try await roles.assign(line, in: administrator)
            }
            #expect(try await owners(on: superuser) == [names[0]])
            try await TestRole.connected(as: names[1], to: superuser) { worker async throws in
                #expect(try await worker.number("SELECT count(*) FROM shoes.shoe, shoes.box") == 0)
                #expect(await failure { try await worker.script("CREATE TABLE shoes.mine ()") }?.sqlState == "42501")
            }
        }
    }

    @Test("an owner that may log in, and may not make roles, migrates and lends what came with it")
    func owner() async throws {
        try await asAdministrator { superuser, administrator, names in
            let roles = Roles(owner: names[0], worker: names[1])
            try await Migrator(Self.line).run(on: administrator)
            try await roles.assign(Self.line, in: administrator)
            try await administrator.script("ALTER ROLE \(names[0]) LOGIN")
            try await TestRole.connected(as: names[0], to: superuser) { owner in
                #expect(try await Migrator(Self.longer).run(on: owner) == ["0002_more"])
                try await roles.assign(Self.longer, in: owner)
            }
            #expect(try await owners(on: superuser) == [names[0]])
            try await TestRole.connected(as: names[1], to: superuser) { worker async throws in
                #expect(try await worker.number("SELECT count(*) FROM shoes.box") == 0)
            }
        }
    }

    @Test("names of roles may hold what names may hold")
    func names() async throws {
        try await asAdministrator { superuser, administrator, _ in
            let roles = Roles(owner: #"The "Owner" of $roles$"#, worker: "o'worker; DROP SCHEMA shoes")
            try await Migrator(Self.line).run(on: administrator)
            try await roles.assign(Self.line, in: administrator)
            let holder = try await superuser.query(
                "SELECT r.rolname FROM pg_namespace n JOIN pg_roles r ON r.oid = nspowner WHERE nspname = 'shoes'"
            ) {
                try $0[0, as: String.self]
            }
            #expect(holder == [roles.owner])
            try await superuser.script(
                #"""
                DROP SCHEMA shoes CASCADE; DROP OWNED BY "The ""Owner"" of $roles$", "o'worker; DROP SCHEMA shoes";
                DROP ROLE "The ""Owner"" of $roles$", "o'worker; DROP SCHEMA shoes"
                """#)
        }
    }

    @Test(
        "names that a role can't have are refused",
        arguments: ["", "pg_owner", "public", "none", String(repeating: "é", count: 32), "a\0b"])
    func badNames(_ name: String) async throws {
        try await Bench.with(limit: 1) { database async throws in
            await #expect(throws: Roles.Problem.badName(name)) {
                try await Roles(owner: name, worker: "worker").make(in: database)
            }
            await #expect(throws: Roles.Problem.same("one")) {
                try await Roles(owner: "one", worker: "one").make(in: database)
            }
        }
    }

    @Test("who may not make roles is told what an administrator has to say, and nothing is made")
    func missing() async throws {
        try await Bench.with(limit: 1) { superuser async throws in
            try await TestRole.with(in: superuser) { name, anybody in
                try await TestRole.named(2, in: superuser) { names in
                    let statements = ["CREATE ROLE \"\(names[0])\" NOLOGIN", "CREATE ROLE \"\(names[1])\" LOGIN"]
                    await #expect(throws: Roles.Problem.missing(statements, user: name)) {
                        try await Roles(owner: names[0], worker: names[1]).make(in: anybody)
                    }
                    // What it was told is enough.
                    try await superuser.script(statements.joined(separator: ";"))
                    await #expect(throws: Roles.Problem.stranger(user: name, owner: names[0])) {
                        try await Roles(owner: names[0], worker: names[1]).make(in: anybody)
                    }
                    try await superuser.script("GRANT \(names[0]) TO \(name)")
                    try await Roles(owner: names[0], worker: names[1]).make(in: anybody)
                }
            }
        }
    }

    @Test(
        "a worker that may more than a worker should is refused, and told why",
        arguments: [
            ("ALTER ROLE worker SUPERUSER", "is a superuser"), ("ALTER ROLE worker CREATEROLE", "may create roles"),
            ("GRANT owner TO worker", "is a member of the owner"),
            ("GRANT between TO worker; GRANT owner TO between", "is a member of the owner"),
            ("GRANT CREATE ON DATABASE this TO worker", "may create schemas in this database"),
        ])
    func excess(_ script: String, _ reason: String) async throws {
        try await Bench.with(limit: 1) { database async throws in
            let this = try await database.one("SELECT current_database()::text", as: String.self)
            try await TestRole.named(3, in: database) { names in
                let roles = Roles(owner: names[0], worker: names[1])
                try await roles.make(in: database)
                try await database.script("CREATE ROLE \(names[2])")
                let words = ["owner": names[0], "worker": names[1], "between": names[2], "this": this]
                try await database.script(words.reduce(script) { $0.replacing($1.key, with: $1.value) })
                await #expect(throws: Roles.Problem.tooPowerful(worker: names[1], reason: reason)) {
                    try await roles.make(in: database)
                }
            }
        }
    }

    @Test("who makes the roles can't become the worker itself, which would then have the owner's rights")
    func itself() async throws {
        try await asAdministrator { superuser, administrator, names in
            let user = try await administrator.one("SELECT current_user::text", as: String.self)
            await #expect(throws: Roles.Problem.tooPowerful(worker: user, reason: "is the one that asks")) {
                try await Roles(owner: names[0], worker: user).make(in: administrator)
            }
            #expect(try await !isThere(names[0], on: superuser))
        }
    }

    @Test("a worker may connect also where not everybody may, or its database's owner is told to let it")
    func connecting() async throws {
        try await asAdministrator { superuser, administrator, names in
            let this = try await superuser.one("SELECT current_database()::text", as: String.self)
            try await superuser.script("REVOKE CONNECT ON DATABASE \(this) FROM PUBLIC")
            let roles = Roles(owner: names[0], worker: names[1])
            try await TestRole.with(in: superuser, rights: "CREATEROLE") { name, stranger in
                try await superuser.script("GRANT CONNECT ON DATABASE \(this) TO \(name)")
                await #expect(throws: Roles.Problem.shutOut(worker: names[1], database: this)) {
                    try await roles.make(in: stranger)
                }
            }
            try await roles.make(in: administrator)
            try await TestRole.connected(as: names[1], to: superuser) { worker async throws in
                #expect(try await worker.number("SELECT 1::bigint") == 1)
            }
        }
    }

    @Test(
        "a line that says nothing of who owns and who borrows it is refused, as one that isn't there, and no role is made"
    )
    func unlendable() async throws {
        try await asAdministrator { superuser, administrator, names in
            let roles = Roles(owner: names[0], worker: names[1])
            let problem = Roles.Problem.unlendable(line: "shoes", schema: "shoes")
            await #expect(throws: problem) { try await roles.assign(Self.line, in: administrator) }
            try await administrator.script("CREATE SCHEMA shoes")
            await #expect(throws: problem) { try await roles.assign(Self.line, in: administrator) }
            #expect(try await !isThere(names[0], on: superuser))
        }
    }

    @Test("a schema that belongs to somebody else is not given away, and who tries is told so")
    func refused() async throws {
        try await asAdministrator { superuser, administrator, names in
            try await Migrator(Self.line).run(on: superuser)
            try await superuser.script("GRANT USAGE ON SCHEMA shoes TO PUBLIC")
            let problem = Roles.Problem.refused(line: "shoes", reason: "must be owner of schema shoes")
            await #expect(throws: problem) {
                try await Roles(owner: names[0], worker: names[1]).assign(Self.line, in: administrator)
            }
        }
    }
}
