import Postgres
import TestSupport
import Testing

@Suite("Lines of migrations live side by side, and programs of several versions with one schema")
struct MigrationLineTests {
    /// Version 1 makes a table; 2 adds what version 1 can do without; 3 takes away what only version 1 needs.
    private static let made = Migration(number: 1, name: "0001_made", sql: "CREATE TABLE shoe (size int, colour text)")
    private static let expanded = Migration(
        number: 2, name: "0002_expanded", worksWith: 1, sql: "ALTER TABLE shoe ADD COLUMN shade text")
    private static let contracted = Migration(
        number: 3, name: "0003_contracted", worksWith: 2, sql: "ALTER TABLE shoe DROP COLUMN colour")

    private static func program(_ migrations: Migration..., needs: Int? = nil) -> Migrator {
        Migrator(MigrationLine("shoes", schema: "shoes", migrations, needs: needs))
    }

    @Test("a program works with a newer schema that works with its version, also when it migrates once more")
    func expand() async throws {
        try await Bench.with(limit: 1) { database async throws in
            try await Self.program(Self.made, Self.expanded).run(on: database)
            try await Self.program(Self.made).verify(on: database)
            #expect(try await Self.program(Self.made).run(on: database) == [])
        }
    }

    @Test("a program that is too old for the schema is refused by a sentence with both versions and the way out")
    func contract() async throws {
        try await Bench.with(limit: 1) { database async throws in
            try await Self.program(Self.made, Self.expanded, Self.contracted).run(on: database)
            try await Self.program(Self.made, Self.expanded).verify(on: database)
            let problem = Migrator.Problem.ahead(line: "shoes", version: 3, worksWith: 2, program: 1)
            await #expect(throws: problem) { try await Self.program(Self.made).verify(on: database) }
            await #expect(throws: problem) { try await Self.program(Self.made).run(on: database) }
            #expect(
                "\(problem)"
                    == "the database has version 3 of shoes, which works with programs of version 2 and newer, "
                    + "and this program is version 1: use a newer program")
        }
    }

    @Test("an older contraction counts, though a newer migration says nothing of it")
    func contractThenExpand() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let wider = Migration(
                number: 4, name: "0004_wider", worksWith: 1, sql: "ALTER TABLE shoe ADD COLUMN width int")
            try await Self.program(Self.made, Self.expanded, Self.contracted, wider).run(on: database)
            await #expect(throws: Migrator.Problem.ahead(line: "shoes", version: 4, worksWith: 2, program: 1)) {
                try await Self.program(Self.made).verify(on: database)
            }
        }
    }

    @Test("a migration that says nothing about older programs works with none of them")
    func silence() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let silent = Migration(number: 2, name: "0002_silent", sql: "CREATE TABLE lace (n int)")
            try await Self.program(Self.made, silent).run(on: database)
            await #expect(throws: Migrator.Problem.ahead(line: "shoes", version: 2, worksWith: 2, program: 1)) {
                try await Self.program(Self.made).verify(on: database)
            }
        }
    }

    @Test("a program that can do without its newest migrations is content before they are applied")
    func needs() async throws {
        try await Bench.with(limit: 1) { database async throws in
            try await Self.program(Self.made).run(on: database)
            try await Self.program(Self.made, Self.expanded, needs: 1).verify(on: database)
            await #expect(
                throws: Migrator.Problem.behind(line: "shoes", version: 1, needed: 2, missing: ["0002_expanded"])
            ) { try await Self.program(Self.made, Self.expanded).verify(on: database) }
        }
    }

    @Test("two lines with the same numbers and one schema don't meet, by one migrator or by two, in either order")
    func lines() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let shoes = MigrationLine("shoes", schema: "record", [Self.made])
            let socks = MigrationLine(
                "socks", schema: "record", [Migration(number: 1, name: "0001_sock", sql: "CREATE TABLE sock (n int)")])
            #expect(try await Migrator(socks).run(on: database) == ["0001_sock"])
            #expect(try await Migrator(shoes).run(on: database) == ["0001_made"])
            #expect(try await Migrator(shoes, socks).run(on: database) == [])
            try await Migrator(socks, shoes).verify(on: database)
            #expect(try await Migrator.version(of: socks, on: database) == 1)
        }
    }
}
