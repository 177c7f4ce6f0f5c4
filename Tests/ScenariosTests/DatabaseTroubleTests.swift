import Foundation
import Postgres
import TestSupport
import Testing

@testable import Scenarios

@Suite("What the database suffers", .serialized, .timeLimit(.minutes(10)))
struct DatabaseTroubleTests {
    @Test(
        "a killed database: calls fail as lost or refused connections, what was committed stays, and the pool goes on by itself"
    )
    func kill() async throws {
        try await ServerUnderTest.with { server, database in
            try await database.insert(1)
            let call = Task { await failure { try await database.execute("SELECT pg_sleep(60)") } }
            try await database.expectRunning("SELECT pg_sleep(60)")
            let trouble = DatabaseTrouble(.kill, on: server)
            try await trouble.begin()
            #expect(server.postmaster == nil)
            #expect(await call.value?.kind == .outcomeUnknown)
            // Connections that lay idle may be found lost; then none can be made.
            for _ in 0..<4 { _ = await failure { try await database.insert(2) } }
            let error = await failure { try await database.insert(2) }
            #expect(error?.kind == .connectionFailed && error?.isRetryable == true)
            try await trouble.end()
            try await database.insert(3)
            #expect(try await database.sizes() == [1, 3])
        }
    }

    @Test("a restarted database: the server says good-bye, stays away until the end, and the pool goes on by itself")
    func restart() async throws {
        try await ServerUnderTest.with { server, database in
            try await database.insert(1)
            let call = Task { await failure { try await database.execute("SELECT pg_sleep(61)") } }
            try await database.expectRunning("SELECT pg_sleep(61)")
            let trouble = DatabaseTrouble(.restart, on: server)
            try await trouble.begin()
            #expect(await call.value?.isConnectionTrouble == true)
            for _ in 0..<4 { _ = await failure { try await database.insert(2) } }
            #expect(await failure { try await database.insert(2) }?.kind == .connectionFailed)
            try await trouble.end()
            try await database.insert(3)
            #expect(try await database.sizes() == [1, 3])
        }
    }

    @Test("terminated sessions: every open connection is lost at once, and the next call makes a new one")
    func terminate() async throws {
        try await ServerUnderTest.with { server, database in
            let call = Task { await failure { try await database.execute("SELECT pg_sleep(62)") } }
            try await database.expectRunning("SELECT pg_sleep(62)")
            let listener = try await database.dedicatedConnection(named: "listener")
            let trouble = DatabaseTrouble(.terminate, on: server)
            try await trouble.begin()
            #expect(await call.value?.kind == .outcomeUnknown)
            #expect(await listener.events.contains(.closed))
            try await trouble.end()
            for _ in 0..<4 { _ = await failure { try await database.insert(1) } }
            try await database.insert(2)
        }
    }

    @Test("exhausted connections: nobody else gets one, not even one that has become free; open ones are not disturbed")
    func exhaust() async throws {
        try await ServerUnderTest.with { server, database in
            let leaving = try await database.dedicatedConnection(named: "leaving")
            try await database.insert(1)
            let trouble = DatabaseTrouble(.exhaust, on: server)
            try await trouble.begin()
            let newcomer = ServerUnderTest.database(of: server)
            #expect(await failure { try await newcomer.insert(2) }?.message.contains("too many clients") == true)
            try await database.insert(3)
            await leaving.close()
            try await eventually("the one that became free is taken") {
                try await database.count("scenario-exhaust") == 29
            }
            #expect(await failure { try await newcomer.insert(2) }?.kind == .connectionFailed)
            try await trouble.end()
            try await eventually("they are given back") { try await database.count("scenario-exhaust") == 0 }
            try await newcomer.insert(4)
            #expect(try await database.sizes() == [1, 3, 4])
            await newcomer.close()
        }
    }

    @Test("a statement timeout: longer statements are cancelled on all connections, old ones too; afterwards on none")
    func timeout() async throws {
        try await ServerUnderTest.with { server, database in
            try await database.insert(1)
            let trouble = DatabaseTrouble(.timeout(.milliseconds(50)), on: server)
            try await trouble.begin()
            _ = await failure { try await database.insert(2) }
            let error = await failure { try await database.execute("SELECT pg_sleep(10)") }
            #expect(error?.kind == .server && error?.sqlState == "57014" && error?.isRetryable == true)
            // On a busy machine a short statement can be too long as well.
            try await eventually("a short one passes") { await failure { try await database.insert(3) } == nil }
            try await trouble.end()
            _ = await failure { try await database.insert(4) }
            try await database.execute("SELECT pg_sleep(0.1)")
        }
    }

    @Test("a locked table: nobody reads it until the end, and other tables are not touched")
    func lock() async throws {
        try await ServerUnderTest.with { server, database in
            try await database.insert(1)
            let trouble = DatabaseTrouble(.lock(table: "public.shoe"), on: server)
            try await trouble.begin()
            let error = await failure { try await database.execute("TABLE shoe", within: .milliseconds(100)) }
            #expect(error?.kind == .deadlineExceeded)
            try await database.execute("CREATE TEMPORARY TABLE boot ()")
            let waiting = Task { try await database.sizes() }
            try await trouble.end()
            #expect(try await waiting.value == [1])
        }
    }

    @Test("a locked table: a trouble that the server chose as a deadlock's victim says so, and is made again")
    func victim() async throws {
        try await ServerUnderTest.with { server, database in
            try await database.script(
                """
                CREATE TABLE boxes (n int) PARTITION BY LIST (n);
                CREATE TABLE boxes_1 PARTITION OF boxes FOR VALUES IN (1);
                CREATE TABLE boxes_2 PARTITION OF boxes FOR VALUES IN (2)
                """)
            let told = Tally<[String]>([])
            let trouble = DatabaseTrouble(.lock(table: "boxes"), on: server) { text in told.change { $0.append(text) } }
            try await database.write { session in
                // The other side looks for deadlocks long before this one would.
                try session.script("SET LOCAL deadlock_timeout = '10min'; LOCK TABLE boxes_2")
                let making = Task { try await trouble.begin() }
                while try session.query(Self.waitingForBoxes, row: { try $0[0, as: Bool.self] }) != [true] {
                    try session.execute("SELECT pg_sleep(0.01)")
                }
                try session.script("LOCK TABLE boxes_1")
                return making
            }.value
            #expect(told.value.contains { $0.contains("deadlock detected") && $0.contains("trying again") })
            let error = await failure { try await database.execute("TABLE boxes", within: .milliseconds(100)) }
            #expect(error?.kind == .deadlineExceeded)
            try await trouble.end()
            try await database.execute("TABLE boxes")
        }
    }

    private static let waitingForBoxes: Statement = """
        SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'boxes_2'::regclass AND NOT granted)
        """

    @Test(
        "a lock on a name that is none, or that no table has, is refused",
        arguments: ["shoe; DROP TABLE shoe", "boots", "pg_stat_activity"])
    func lockOnNothing(name: String) async throws {
        try await ServerUnderTest.with { server, _ in
            let trouble = DatabaseTrouble(.lock(table: name), on: server)
            let error = await #expect(throws: ScenarioError.self) { try await trouble.begin() }
            #expect(error?.reason == .unknownName)
            try await trouble.end()
        }
    }

    @Test("an old snapshot: vacuum can't remove what was deleted after it, until the end")
    func snapshot() async throws {
        try await ServerUnderTest.with { server, database in
            let trouble = DatabaseTrouble(.snapshot, on: server)
            try await trouble.begin()
            try await database.insert(1)
            try await database.script("DELETE FROM shoe")
            try await database.script("VACUUM shoe")
            #expect(try await database.sizeOfShoe() > 0)
            try await trouble.end()
            try await database.script("VACUUM shoe")
            #expect(try await database.sizeOfShoe() == 0)
        }
    }

    @Test("a full disk is refused by a server that was made without a limit")
    func unlimited() async throws {
        try await ServerUnderTest.with { server, _ in
            let trouble = DatabaseTrouble(.full, on: server)
            await #expect(throws: ScenarioError.self) { try await trouble.begin() }
            try await trouble.end()
        }
    }

    @Test("terminated backends are the shop's: a session that another fault holds stays")
    func faultsSideBySide() async throws {
        try await ServerUnderTest.with { server, database in
            let lock = DatabaseTrouble(.lock(table: "shoe"), on: server)
            try await lock.begin()
            try await DatabaseTrouble(.terminate, on: server).begin()
            // Another session of that name, which looked for the table, may just be ending.
            try await eventually("the pool is back, and the holder alone is left") {
                (try? await database.count("scenario-lock")) == 1
            }
            try await lock.end()
        }
    }
}

extension Database {
    fileprivate func expectRunning(_ sql: String) async throws {
        try await eventually("'\(sql)' runs") {
            try await query(
                "SELECT count(*) FROM pg_stat_activity WHERE query = $1 AND wait_event = 'PgSleep'", sql
            ) { try $0[0, as: Int.self] } == [1]
        }
    }

    fileprivate func count(_ name: String) async throws -> Int {
        try await query("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", name) {
            try $0[0, as: Int.self]
        }.first ?? 0
    }

    fileprivate func sizeOfShoe() async throws -> Int {
        try await query("SELECT pg_relation_size('shoe')") { try $0[0, as: Int.self] }.first ?? 0
    }
}
