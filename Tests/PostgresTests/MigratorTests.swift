import Postgres
import TestSupport
import Testing

@Suite("Migrations are applied once, in order, and never changed behind one's back")
struct MigratorTests {
    private static let first = Migration(
        number: 1, name: "0001_shoe", sql: "CREATE TABLE shoe (size int); INSERT INTO shoe VALUES (1);")
    private static let second = Migration(
        number: 2, name: "0002_box", sql: "CREATE TABLE box (n int); INSERT INTO shoe VALUES (2);")

    private static func migrator(_ migrations: Migration...) -> Migrator {
        Migrator(MigrationLine("shoes", schema: "shoes", migrations))
    }

    private static let recorded: Statement = "SELECT count(*) FROM shoes.migrations"

    @Test("several migrators at once apply each migration exactly once")
    func together() async throws {
        try await Bench.with(limit: 6) { database async throws in
            let applied = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<6 {
                    group.addTask { try await Self.migrator(Self.second, Self.first).run(on: database) }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.sorted() == ["0001_shoe", "0002_box"])
            #expect(try await database.query("SELECT size FROM shoe ORDER BY 1") { try $0[0, as: Int.self] } == [1, 2])
            try await Self.migrator(Self.first, Self.second).verify(on: database)
        }
    }

    @Test("an edited migration is refused by name, when applied again as when verified")
    func edited() async throws {
        try await Bench.with(limit: 1) { database async throws in
            try await Self.migrator(Self.first).run(on: database)
            let edited = Self.migrator(
                Migration(number: 1, name: "0001_shoe", sql: Self.first.sql + " "), Self.second)
            await #expect(throws: Migrator.Problem.changed("0001_shoe")) { try await edited.run(on: database) }
            await #expect(throws: Migrator.Problem.changed("0001_shoe")) { try await edited.verify(on: database) }
            #expect(try await database.holds("SELECT to_regclass('box') IS NULL") == true)
        }
    }

    @Test("missing migrations are named, in an empty database as in one that is behind, and verifying changes nothing")
    func missing() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let migrator = Self.migrator(Self.first, Self.second)
            await #expect(
                throws: Migrator.Problem.behind(
                    line: "shoes", version: 0, needed: 2, missing: ["0001_shoe", "0002_box"])
            ) { try await migrator.verify(on: database) }
            #expect(try await database.holds("SELECT to_regnamespace('shoes') IS NULL") == true)
            try await Self.migrator(Self.first).run(on: database)
            await #expect(
                throws: Migrator.Problem.behind(line: "shoes", version: 1, needed: 2, missing: ["0002_box"])
            ) { try await migrator.verify(on: database) }
        }
    }

    @Test("a migration that fails halfway leaves nothing of itself, and those before it stay")
    func failing() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let broken = Migration(
                number: 3, name: "0003_broken", sql: "CREATE TABLE lace (n int); SELECT 1 / 0;")
            let error = await failure {
                try await Self.migrator(Self.first, Self.second, broken).run(on: database)
            }
            #expect(error?.sqlState == "22012")
            #expect(try await database.holds("SELECT to_regclass('lace') IS NULL") == true)
            #expect(try await database.number(Self.recorded) == 2)
        }
    }

    @Test(
        "a migration that waits for a program that waits for it is tried again once the server has ended it",
        .timeLimit(.minutes(2)))
    func deadlock() async throws {
        try await Bench.with(limit: 6) { database async throws in
            try await Self.migrator(Self.first).run(on: database)
            try await database.script("CREATE TABLE sock (n int)")
            let gate = try await database.dedicatedConnection(named: "gate")
            let program = try await database.dedicatedConnection(named: "program")
            try await gate.script("SELECT pg_advisory_lock(7)")
            // It is the migration that the server ends.
            try await program.script("SET deadlock_timeout = '1h'; BEGIN; LOCK TABLE sock")
            let wide = Migration(
                number: 2, name: "0002_wide",
                sql:
                    "ALTER TABLE shoe ADD COLUMN width int; SELECT pg_advisory_xact_lock(7); ALTER TABLE sock ADD COLUMN width int;"
            )
            async let applied = Self.migrator(Self.first, wide).run(on: database)
            try await eventually("the migration has its first lock") {
                try await database.holds(Self.waits("advisory"))
            }
            async let meeting: Void = program.script("LOCK TABLE shoe")
            try await eventually("the program waits for it") { try await database.holds(Self.waits("relation")) }
            try await gate.script("SELECT pg_advisory_unlock(7)")
            try await meeting
            try await program.script("COMMIT")
            #expect(try await applied == ["0002_wide"])
            await gate.close()
            await program.close()
            #expect(try await database.number("SELECT count(shoe.width) + count(sock.width) FROM shoe, sock") == 0)
        }
    }

    /// Somebody in this database waits for such a lock.
    private static func waits(_ kind: String) -> Statement {
        Statement(
            """
            SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = '\(kind)'
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """)
    }

    @Test("what a migration raises by itself is told as a sentence, with its hint and without its SQL")
    func refusing() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let wary = Migration(
                number: 1, name: "0001_wary",
                sql: "DO $$ BEGIN RAISE EXCEPTION 'no room here' USING HINT = 'Make some.'; END $$")
            await #expect(throws: Migrator.Problem.refused("0001_wary", reason: "no room here. Make some.")) {
                try await Self.migrator(wary).run(on: database)
            }
        }
    }

    @Test("a first migration that does not make its schema is told to")
    func withoutSchema() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let hasty = Migration(number: 1, name: "0001_hasty", sql: "CREATE TABLE shoes.shoe (size int)")
            let reason =
                "schema \"shoes\" does not exist. "
                + "A schema is made by the migration that is the first to use it: CREATE SCHEMA shoes"
            await #expect(throws: Migrator.Problem.refused("0001_hasty", reason: reason)) {
                try await Self.migrator(hasty).run(on: database)
            }
        }
    }

    @Test("a migration that was applied with psql and recorded itself counts as applied, and gets its checksum")
    func byHand() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let line = MigrationLine("shoes", schema: "shoes", [Self.first])
            try await database.script(
                """
                \(Self.first.sql)
                CREATE SCHEMA shoes;
                CREATE TABLE shoes.migrations (line text NOT NULL, number int NOT NULL, name text NOT NULL, works_with int NOT NULL,
                    checksum text, applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (line, number));
                INSERT INTO shoes.migrations (line, number, name, works_with) VALUES ('shoes', 1, '0001_shoe', 1);
                """)
            try await Migrator(line).verify(on: database)
            #expect(try await Migrator(line).run(on: database) == [])
            #expect(try await database.one("SELECT checksum FROM shoes.migrations") == Self.first.checksum)
        }
    }

    @Test("a table of somebody else in place of the record is refused by name")
    func occupied() async throws {
        try await Bench.with(limit: 1) { database async throws in
            try await database.script("CREATE SCHEMA shoes; CREATE TABLE shoes.migrations (id int, migration text)")
            let problem = Migrator.Problem.occupied("\"shoes\".migrations")
            await #expect(throws: problem) { try await Self.migrator(Self.first).run(on: database) }
            await #expect(throws: problem) { try await Self.migrator(Self.first).verify(on: database) }
        }
    }

    @Test("a database that keeps text in another encoding than UTF8 is refused", arguments: ["LATIN1", "SQL_ASCII"])
    func encoding(_ name: String) async throws {
        try await TestDatabase.with(encoding: name) { database async throws in
            await #expect(throws: Migrator.Problem.encoding(name)) {
                try await Self.migrator(Self.first).run(on: database)
            }
            #expect(try await database.holds("SELECT to_regclass('shoe') IS NULL"))
        }
    }
}
