import TestSupport
import Testing

@testable import Postgres

@Suite("A session that is of no use any more is left, and another one made", .timeLimit(.minutes(5)))
struct LeavingTests {
    private static let insert: Statement = "INSERT INTO shoe SELECT count(*) FROM shoe"

    @Test("a server that takes no writes is noticed when a connection is made, unless the string says that it will do")
    func readOnlyFromTheStart() async throws {
        for route in [Route.direct, .pooler] {
            try await Bench.with(.shoes, through: route, limit: 1) { given async throws in
                let name = try await given.one("SELECT current_database()", as: String.self)
                try await given.script("ALTER DATABASE \(name) SET default_transaction_read_only = on")
                // A pooler has sessions that began before.
                _ = await failure { try await given.execute(.endOfAll) }
                let database = Database(given.conninfo)
                let error = await failure { try await database.execute(Self.insert) }
                #expect(error?.kind == .connectionFailed && error?.sqlState == "25006", "\(route): \(error as Any)")
                #expect(error?.isConnectionTrouble == true && error?.isRetryable == true)
                let reader = Database(given.conninfo + " target_session_attrs=any")
                #expect(try await reader.number("SELECT count(*) FROM shoe") == 0)
                #expect(await failure { try await reader.execute(Self.insert) }?.sqlState == "25006")
                for pool in [database, reader] { await pool.close() }
            }
        }
    }

    @Test(
        "sessions with a server that becomes read-only are left at once, all of them, for the next server of the string"
    )
    func readOnlyMeanwhile() async throws {
        try await OwnServer.with { server in
            try await Bench.with(.shoes) { other async throws in
                let (here, there) = (try Conninfo(server.conninfo), try Conninfo(other.conninfo))
                let (name, user) = (there["dbname"] ?? "", there["user"] ?? "")
                try await Database.open(server.conninfo) { database in
                    try await database.script("CREATE DATABASE \(name)")
                    if here["user"] != user { try await database.script("CREATE ROLE \"\(user)\" LOGIN SUPERUSER") }
                }
                let both =
                    "\(other.conninfo) host='\(here["host"] ?? ""),\(there["host"] ?? "")' port='5432,\(there["port"] ?? "")'"
                let database = Database(both)
                try await database.script("CREATE TABLE shoe (size int)")
                try await Self.open(4, of: database)
                try await server.refuseWrites(true)

                let error = await failure { try await database.execute(Self.insert) }
                #expect(error?.sqlState == "25006" && error?.isConnectionTrouble == true && error?.isRetryable == true)
                for _ in 0..<8 { try await database.execute(Self.insert) }
                #expect(try await other.number("SELECT count(*) FROM shoe") == 8)
                await database.close()
            }
        }
    }

    @Test("a session whose server says by itself that it takes no writes any more is left before it is asked for one")
    func told() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let backend = try await database.backend()
            try await database.script("SET default_transaction_read_only = on")
            try await database.execute(Self.insert)
            #expect(try await database.backend() != backend)
        }
    }

    @Test("a session in which somebody has forgotten what was prepared is left at the first refusal")
    func forgotten() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            try await database.execute(Self.insert)
            try await database.script("DEALLOCATE ALL")
            let error = await failure { try await database.execute(Self.insert) }
            #expect(error?.sqlState == "26000" && error?.isRetryable == true && error?.isConnectionTrouble == true)
            #expect(try await database.execute(Self.insert) == 1)
            // Somebody's own name is somebody's own fault.
            let own = await failure { try await database.script("EXECUTE nobody_prepared_this") }
            #expect(own?.sqlState == "26000" && own?.isRetryable == false && own?.isConnectionTrouble == false)
        }
    }

    @Test("a session in which somebody else has prepared something under a name of ours is left at the first refusal")
    func nameInUse() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            try await database.script("PREPARE s1 AS SELECT 1; PREPARE theirs AS SELECT 1")
            let error = await failure { try await database.execute(Self.insert) }
            #expect(error?.sqlState == "42P05" && error?.isRetryable == true && error?.isConnectionTrouble == true)
            #expect(try await database.execute(Self.insert) == 1)
            try await database.script("PREPARE theirs AS SELECT 1")
            let own = await failure { try await database.script("PREPARE theirs AS SELECT 1") }
            #expect(own?.sqlState == "42P05" && own?.isRetryable == false && own?.isConnectionTrouble == false)
        }
    }

    @Test(
        "a server that ends a session, or can't do anything now, is at fault and not the statement; such a session is left",
        arguments: [
            ("08000", true), ("08003", true), ("08006", true), ("08P01", true), ("25006", true), ("25P03", true),
            ("25P04", true), ("57P01", true), ("57P02", true), ("57P04", true), ("57P05", true), ("57P03", false),
            ("58030", false), ("53000", false), ("53100", false), ("53200", false), ("53300", false), ("53400", false),
        ])
    func states(state: String, isLeft: Bool) async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            let error = await failure {
                try await database.script("DO $$ BEGIN RAISE EXCEPTION 'trouble' USING ERRCODE = '\(state)'; END $$")
            }
            #expect(error?.sqlState == state && error?.isRetryable == true && error?.isConnectionTrouble == true)
            #expect(try await database.backend() == backend || isLeft)
            #expect(try await database.backend() != backend || !isLeft)
        }
    }

    @Test(
        "what a server refuses of a statement is the statement's own fault, and its session is kept",
        arguments: ["22008", "23505", "25001", "42501", "42P01", "54000", "57000", "58P01", "P0001", "XX000"])
    func otherStates(state: String) async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            let error = await failure {
                try await database.script("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '\(state)'; END $$")
            }
            #expect(error?.sqlState == state && error?.isRetryable == false && error?.isConnectionTrouble == false)
            #expect(try await database.backend() == backend)
        }
    }

    @Test("a statement whose columns are others since a table has changed is refused once, and then prepared anew")
    func otherColumns() async throws {
        try await Bench.with(.shoes, limit: 4) { database async throws in
            let all: Statement = "SELECT * FROM shoe"
            try await database.execute(Self.insert)
            try await Self.open(4, of: database, with: all)
            try await database.script("ALTER TABLE shoe ADD COLUMN lace int DEFAULT 7")
            let error = await failure { try await database.query(all) { try $0[2, as: Int.self] } }
            #expect(error?.sqlState == "0A000" && error?.isRetryable == true && error?.isConnectionTrouble == true)
            for _ in 0..<8 { #expect(try await database.query(all) { try $0[2, as: Int.self] } == [7]) }
            // What the server can't do, it can't do in another session either.
            let own = await failure { try await database.execute("SELECT 1 FROM shoe UNION SELECT 2 FOR UPDATE") }
            #expect(own?.sqlState == "0A000" && own?.isRetryable == false && own?.isConnectionTrouble == false)
        }
    }

    /// So many connections of a pool at the same time.
    private static func open(_ count: Int, of database: Database, with statement: Statement = "SELECT 1") async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<count {
                group.addTask {
                    try await database.write { session in
                        try session.execute(statement)
                        try session.execute("SELECT pg_sleep(0.2)")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(database.statistics.open == count)
    }
}
