import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("The engine's schema moves in where it may, and only there")
struct SchemaTests {
    private static let migrator = Migrator(.messageQueue)
    private static let line = MigrationLine.messageQueue

    /// In an empty database of its own, with a role that may log in and nothing else.
    private func withRole(_ body: (_ admin: Database, _ role: Database, _ name: String) async throws -> Void)
        async throws
    {
        try await TestDatabase.with(.empty) { admin in
            try await TestRole.with(in: admin) { name, role in try await body(admin, role, name) }
        }
    }

    @Test(
        "the engine's schema is recorded when applied with psql, and a migrator finds nothing left to do but its checksum"
    )
    func byHand() async throws {
        try await TestDatabase.with(.empty) { database in
            try await Psql.apply("message-queue/0001_message_queue.sql", to: database)
            try await Self.migrator.verify(on: database)
            #expect(try await Self.migrator.run(on: database) == [])
            let checksums = try await database.query("SELECT checksum FROM mq.migrations") {
                try $0[0, as: String.self]
            }
            #expect(checksums == [Self.line.migrations[0].checksum])
        }
    }

    @Test(
        "applied with psql, the schemas refuse a database of another encoding than UTF8",
        arguments: ["LATIN1", "SQL_ASCII"])
    func encoding(_ encoding: String) async throws {
        try await TestDatabase.with(encoding: encoding) { database in
            for file in ["message-queue/0001_message_queue.sql", "shoe-shop/0001_shoe_shop.sql"] {
                let refused = await #expect(throws: Psql.Refused.self) { try await Psql.apply(file, to: database) }
                #expect(refused?.description.contains("must keep it as UTF8") == true, "\(refused?.description ?? "")")
            }
        }
    }

    @Test(
        "an application's line, and tables that another tool made and accounts for, live beside the engine's, whichever comes first",
        arguments: [false, true])
    func beside(isLast: Bool) async throws {
        let own = MigrationLine(
            "shoe-app", schema: "shoe_app",
            [
                Migration(number: 1, name: "0001_shoes", sql: "CREATE TABLE shoe_app_shoes (size int)"),
                Migration(number: 2, name: "0002_laces", sql: "CREATE TABLE shoe_app_laces (n int)"),
            ])
        // As tools of that kind do it: a table of their own for what they applied, under a name that suits many.
        let another = """
            CREATE TABLE IF NOT EXISTS migrations (version bigint PRIMARY KEY);
            CREATE TABLE messages (n int); CREATE TABLE queues (n int);
            INSERT INTO migrations VALUES (1);
            """
        try await TestDatabase.with(.empty) { database in
            if isLast { try await Self.migrator.run(on: database) }
            try await database.script(another)
            try await Migrator(own).run(on: database)
            if !isLast { try await Self.migrator.run(on: database) }
            try await Migrator(.messageQueue, own).verify(on: database)
            #expect(try await Migrator(own, .messageQueue).run(on: database) == [])
            #expect(try await Migrator.version(of: own, on: database) == 2)
            #expect(try await Migrator.version(of: .messageQueue, on: database) == 1)
            try await Broker(database).declare(queue: "shoes")
            try await database.script("INSERT INTO migrations VALUES (2); DROP TABLE messages")
            try await Self.migrator.verify(on: database)
        }
    }

    @Test("a record of migrations in mq that is another tool's is refused by name, when migrating as when looking")
    func foreignRecord() async throws {
        try await TestDatabase.with(.empty) { database in
            try await database.script("CREATE SCHEMA mq; CREATE TABLE mq.migrations (version bigint)")
            let problem = Migrator.Problem.occupied("\"mq\".migrations")
            await #expect(throws: problem) { try await Self.migrator.run(on: database) }
            await #expect(throws: problem) { try await Self.migrator.verify(on: database) }
            #expect("\(problem)".contains("give that another name"))
        }
    }

    @Test("an empty schema that an administrator made for a role without further rights is used")
    func prepared() async throws {
        try await withRole { admin, role, name in
            try await admin.script("CREATE SCHEMA mq AUTHORIZATION \(name)")
            #expect(try await Self.migrator.run(on: role) == ["0001_message_queue"])
            try await Broker(role).declare(queue: "shoes")
        }
    }

    @Test("a role that may not make the schema is told so, and what an administrator has to say")
    func forbidden() async throws {
        try await withRole { admin, role, name in
            let error = await #expect(throws: Migrator.Problem.self) { try await Self.migrator.run(on: role) }
            #expect(
                "\(try #require(error))".hasSuffix("An administrator makes it: CREATE SCHEMA mq AUTHORIZATION \(name)"))
            try await admin.script("CREATE SCHEMA mq")
            let other = await #expect(throws: Migrator.Problem.self) { try await Self.migrator.run(on: role) }
            #expect(
                "\(try #require(other))".hasSuffix("An administrator gives it away: ALTER SCHEMA mq OWNER TO \(name)"))
        }
    }

    @Test(
        "a schema mq that holds somebody else's things is refused, and left as it is",
        arguments: [
            "CREATE TABLE mq.shoes (size int)", "CREATE VIEW mq.shoes AS SELECT 1", "CREATE SEQUENCE mq.shoes",
            "CREATE FUNCTION mq.shoes() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE TYPE mq.shoes AS ENUM ('left')",
        ])
    func foreign(_ thing: String) async throws {
        try await TestDatabase.with(.empty) { database in
            try await database.script("CREATE SCHEMA mq; \(thing)")
            let error = await #expect(throws: Migrator.Problem.self) { try await Self.migrator.run(on: database) }
            #expect("\(try #require(error))".contains("the schema mq is there already, and holds something"))
            await #expect(
                throws: Migrator.Problem.behind(
                    line: "message-queue", version: 0, needed: 1, missing: ["0001_message_queue"])
            ) { try await Self.migrator.verify(on: database) }
        }
    }

    /// The next version's schema, which has a change that programs older than that one may not live with.
    private static func next(worksWith: Int) -> Migrator {
        let change = Migration(
            number: 2, name: "0002_notes", worksWith: worksWith, sql: "ALTER TABLE mq.queues ADD COLUMN note text")
        return Migrator(MigrationLine("message-queue", schema: "mq", line.migrations + [change]))
    }

    @Test("a worker ends at its start where the schema is too new for it, with both versions and the way out")
    func tooNew() async throws {
        try await Bench.with { bench in
            try await Self.next(worksWith: 2).run(on: bench.database)
            let error = await #expect(throws: Migrator.Problem.self) {
                try await Worker("late", broker: bench.another(), steps: [Lace()]).run()
            }
            #expect(error == .ahead(line: "message-queue", version: 2, worksWith: 2, program: 1))
            let told = try #require(error)
            let text = "\(told)"
            #expect(text.contains("has version 2 of message-queue") && text.contains("this program is version 1"))
            #expect(text.hasSuffix("use a newer program"))
            #expect(try await bench.number("SELECT count(*) FROM mq.consumers WHERE name = 'late'") == 0)
        }
    }

    @Test("a worker ends at its start where the schema was never applied, and says what is to be applied")
    func tooOld() async throws {
        try await TestDatabase.with(.empty) { database in
            let error = await #expect(throws: Migrator.Problem.self) {
                try await Worker("early", broker: Broker(database), steps: [Lace()]).run()
            }
            #expect(
                error
                    == .behind(line: "message-queue", version: 0, needed: 1, missing: ["0001_message_queue"]))
            let told = try #require(error)
            #expect("\(told)".hasSuffix("apply 0001_message_queue"))
        }
    }

    @Test("a worker works beside the next version's schema, as long as that works with its version")
    func newer() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await Self.next(worksWith: 1).run(on: bench.database)
            try await bench.work([Lace()]) { log in
                try await bench.send(3)
                try await log.done(3)
            }
            #expect(try await bench.effects() == [3, 0])
        }
    }

    @Test("a worker whose role may not read what was migrated works all the same")
    func unreadable() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.send(3)
            try await TestRole.with(in: bench.database) { name, role in
                try await bench.database.script(
                    """
                    SELECT mq.lend_to('\(name)');
                    REVOKE ALL ON mq.migrations FROM \(name);
                    GRANT INSERT ON effect TO \(name);
                    """)
                try await Bench(bench, on: role).work([Lace()]) { log in try await log.done(3) }
            }
            #expect(try await bench.effects() == [3, 0])
        }
    }

    @Test("every table has what tells its rows apart, so that deletes go on once all tables are published")
    func published() async throws {
        try await TestDatabase.with(.queues) { database in
            let nameless = try await database.query(
                """
                SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'mq'::regnamespace AND c.relkind = 'r'
                    AND c.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
                """
            ) { try $0[0, as: String.self] }
            #expect(nameless == [])
        }
    }
}
