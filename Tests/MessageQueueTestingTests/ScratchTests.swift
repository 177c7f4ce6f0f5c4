import MessageQueue
import MessageQueueTesting
import Postgres
import TestSupport
import Testing

@Suite("A database for each test", .timeLimit(.minutes(10)))
struct ScratchTests {
    private static func databases(like pattern: String) async throws -> [String] {
        let server = Database(try await TestServer.conninfo())
        let names = try await server.query("SELECT datname FROM pg_database WHERE datname LIKE $1", pattern) {
            try $0[0, as: String.self]
        }
        await server.close()
        return names
    }

    @Test("many tests at once get a migrated copy of one template each, and leave nothing else behind")
    func many() async throws {
        let own = MigrationLine(
            "own", schema: "own", [Migration(number: 1, name: "0001_own", sql: "CREATE TABLE own (n int)")])
        let server = try await TestServer.conninfo()
        try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<6 {
                group.addTask {
                    try await ScratchDatabase.with(server: server, migrations: [.messageQueue, own]) { database in
                        try await database.execute("INSERT INTO own VALUES ($1)", number)
                        let broker = Broker(database)
                        try await broker.declare(queue: "arrivals")
                        try await broker.send(Parcel(weight: number), to: Depot.arrivals)
                        #expect(
                            try await TestBroker(broker).sent(to: Depot.arrivals).payloads() == [Parcel(weight: number)]
                        )
                        #expect(try await database.query("SELECT n FROM own") { try $0[0, as: Int.self] } == [number])
                        return try await database.query("SELECT current_database()") { try $0[0, as: String.self] }[0]
                    }
                }
            }
            var names: Set<String> = []
            for try await name in group { names.insert(name) }
            #expect(names.count == 6)
            let left = Set(try await Self.databases(like: "mq_scratch_%"))
            #expect(left.isDisjoint(with: names))
        }
    }

    @Test("an error of a test comes out, and its scratch database goes all the same")
    func failing() async throws {
        let name = Tally("")
        let server = try await TestServer.conninfo()
        await #expect(throws: Trouble.self) {
            try await ScratchDatabase.with(server: server, migrations: [.messageQueue]) { database in
                let own = try await database.query("SELECT current_database()") { try $0[0, as: String.self] }
                name.change { $0 = own[0] }
                throw Trouble()
            }
        }
        #expect(!name.value.isEmpty)
        #expect(try await Self.databases(like: name.value) == [])
    }

    @Test("a migration that fails leaves no template of a scratch database behind that anybody would use")
    func brokenMigration() async throws {
        let server = try await TestServer.conninfo()
        let broken = MigrationLine(
            "broken", schema: "broken",
            [Migration(number: 1, name: "0001_broken", sql: "CREATE TABLE half (n int); SELECT 1/0")])
        for _ in 0..<2 {
            await #expect(throws: PostgresError.self) {
                try await ScratchDatabase.with(server: server, migrations: [broken]) { _ in }
            }
        }
        try await ScratchDatabase.with(server: server, migrations: [.messageQueue]) { database in
            let isGone = try await database.query("SELECT to_regclass('half') IS NULL") { try $0[0, as: Bool.self] }
            #expect(isGone == [true])
        }
    }
}
