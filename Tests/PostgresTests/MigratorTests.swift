import Postgres
import Testing

@Suite("Migrations are applied once, in order, and never changed behind one's back")
struct MigratorTests {
    private static let first = Migration(
        number: 1, name: "0001_shoe", sql: "CREATE TABLE shoe (size int); INSERT INTO shoe VALUES (1);")
    private static let second = Migration(
        number: 2, name: "0002_box", sql: "CREATE TABLE box (n int); INSERT INTO shoe VALUES (2);")

    @Test("several at once apply each migration exactly once")
    func together() async throws {
        try await Bench.with(limit: 6) { database async throws in
            let applied = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<6 {
                    group.addTask { try await Migrator([Self.second, Self.first]).run(on: database) }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.sorted() == ["0001_shoe", "0002_box"])
            #expect(
                try await database.query("SELECT size FROM shoe ORDER BY 1") { try $0[0, as: Int.self] }
                    == [1, 2])
            try await Migrator([Self.first, Self.second]).verify(on: database)
        }
    }

    @Test("an edited migration is refused by name, by run and by verify")
    func edited() async throws {
        try await Bench.with(limit: 1) { database async throws in
            try await Migrator([Self.first]).run(on: database)
            let edited = Migrator([
                Migration(number: 1, name: "0001_shoe", sql: Self.first.sql + " "), Self.second,
            ])
            await #expect(throws: Migrator.Problem.changed("0001_shoe")) {
                try await edited.run(on: database)
            }
            await #expect(throws: Migrator.Problem.changed("0001_shoe")) {
                try await edited.verify(on: database)
            }
            #expect(try await database.holds("SELECT to_regclass('box') IS NULL") == true)
        }
    }

    @Test("a database that is ahead of the program is refused")
    func unknown() async throws {
        try await Bench.with(limit: 1) { database async throws in
            try await Migrator([Self.first, Self.second]).run(on: database)
            await #expect(throws: Migrator.Problem.unknown(2)) {
                try await Migrator([Self.first]).verify(on: database)
            }
            await #expect(throws: Migrator.Problem.unknown(2)) {
                try await Migrator([Self.first]).run(on: database)
            }
        }
    }

    @Test(
        "what is missing is named, in an empty database as in one that is behind, and verifying changes nothing"
    )
    func missing() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let migrator = Migrator([Self.first, Self.second])
            await #expect(throws: Migrator.Problem.missing(["0001_shoe", "0002_box"])) {
                try await migrator.verify(on: database)
            }
            #expect(
                try await database.holds("SELECT to_regclass('public.applied_migrations') IS NULL") == true)
            try await Migrator([Self.first]).run(on: database)
            await #expect(throws: Migrator.Problem.missing(["0002_box"])) {
                try await migrator.verify(on: database)
            }
        }
    }

    @Test("a migration that fails halfway leaves nothing of itself, and those before it stay")
    func failing() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let broken = Migration(
                number: 3, name: "0003_broken", sql: "CREATE TABLE lace (n int); SELECT 1 / 0;")
            let error = await failure {
                try await Migrator([Self.first, Self.second, broken]).run(on: database)
            }
            #expect(error?.sqlState == "22012")
            #expect(try await database.holds("SELECT to_regclass('lace') IS NULL") == true)
            #expect(try await database.number("SELECT count(*) FROM public.applied_migrations") == 2)
        }
    }
}
