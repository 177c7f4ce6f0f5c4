import Postgres
import TestSupport
import Testing

@Suite("Through a pooler in transaction mode everything holds, and nothing is left behind", .timeLimit(.minutes(10)))
struct PoolerTests {
    private static let state: Statement = """
        SELECT current_setting('jit') || ', ' || current_setting('transaction_isolation') || ', '
            || (SELECT count(*) FROM pg_prepared_statements)
        """

    @Test("a connection finds out by itself that a pooler stands between, and refuses what would reach somebody else")
    func detection() async throws {
        for (route, isPooled) in [(Route.direct, false), (.pooler, true), (.poolerAndDirect, false)] {
            try await Bench.with(through: route) { database in
                let connection = try await database.dedicatedConnection(named: "found out")
                #expect(await connection.isPooled == isPooled)
                #expect(await failure { try await connection.listen(to: ["bell"]) }?.kind == (isPooled ? .misuse : nil))
                let name = try await connection.query("SELECT current_setting('application_name')") {
                    try $0[0, as: String.self]
                }
                #expect(name == ["found out"])
                await connection.close()
            }
        }
    }

    @Test("behind a pooler settings and isolation hold in every transaction, and in none of anybody else")
    func settings() async throws {
        try await Bench.with(through: .pooler, limit: 2) { database in
            let name = try await database.one("SELECT current_database()", as: String.self)
            // New sessions of the server begin like this.
            try await database.script(
                "ALTER DATABASE \(name) SET default_transaction_isolation = 'serializable'; CREATE TABLE seen (state text)"
            )
            _ = await failure {
                try await database.execute(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
                    ORDER BY pid = pg_backend_pid()
                    """)
            }
            var plain = DatabaseOptions()
            plain.connection.settings = []
            let other = Database(database.conninfo, options: plain)
            for _ in 0..<10 {
                #expect(try await database.one(Self.state, as: String.self) == "off, read committed, 0")
                let inside = try await database.write { session in
                    session.pipeline("SELECT 1")
                    return try session.query(Self.state) { try $0[0, as: String.self] }
                }
                #expect(inside == ["off, read committed, 0"])
                try await database.write { $0.pipeline(Statement("INSERT INTO seen \(Self.state.sql)")) }
                #expect(try await other.one(Self.state, as: String.self) == "on, serializable, 0")
            }
            #expect(
                try await database.one("SELECT DISTINCT state FROM seen", as: String.self) == "off, read committed, 0")
            await other.close()
        }
    }

    @Test("of a crowd over four server processes of a pooler every transaction is whole or not at all")
    func crowd() async throws {
        try await Bench.with(.shoes, through: .pooler, limit: 30) { database in
            await withTaskGroup(of: Void.self) { group in
                for size in 0..<300 {
                    group.addTask {
                        _ = await failure {
                            try await database.write { session in
                                try session.execute("INSERT INTO shoe VALUES ($1)", Int32(size))
                                session.pipeline("INSERT INTO shoe VALUES ($1 + 1000)", Int32(size))
                                if size % 3 == 0 { session.pipeline("SELECT 1 / 0") }
                            }
                        }
                    }
                    group.addTask { _ = await failure { try await database.execute("SELECT 1 / ($1 % 2)", size) } }
                    group.addTask {
                        _ = await failure { try await database.write { $0.pipeline("INSERT INTO shoe SELECT 1 / 0") } }
                    }
                }
            }
            #expect(try await database.number("SELECT count(*) FROM shoe") == 400)
            #expect(
                try await database.number(
                    "SELECT count(*) FROM (SELECT 1 FROM shoe GROUP BY size % 1000 HAVING count(*) <> 2) AS odd") == 0)
            let open = try await database.number(
                "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND datname = current_database()")
            #expect(open == 0)
        }
    }

    @Test("behind a pooler a deadline and a cancellation stop the statement that is theirs, and no other")
    func interrupts() async throws {
        try await Bench.with(through: .pooler, limit: 3) { database in
            let neighbour = Task { try await database.execute("SELECT pg_sleep(5)") }
            for _ in 0..<3 {
                // A slow machine may need all of the time to connect.
                try await eventually("a deadline stops its statement") {
                    await failure { try await database.execute("SELECT pg_sleep(60)", within: .seconds(1)) }?.kind
                        == .deadlineExceeded
                }
                let call = Task { try await database.write { try $0.execute("SELECT pg_sleep(61)") } }
                try await eventually("the statement runs") {
                    try await database.number(
                        """
                        SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(61)' AND wait_event = 'PgSleep'
                            AND datname = current_database()
                        """) == 1
                }
                call.cancel()
                #expect(await failure { try await call.value }?.kind == .cancelled)
            }
            #expect(try await neighbour.value == 1)
        }
    }

    @Test("who finds no server process of a pooler in time is told so, and the next one is served")
    func exhausted() async throws {
        try await Bench.with(through: .pooler, limit: 6) { database in
            let held = (0..<4).map { _ in Task { try await database.execute("SELECT pg_sleep(60)") } }
            try await eventually("all server processes are taken") {
                let error = await failure { try await database.execute("SELECT 1", within: .milliseconds(100)) }
                return error != nil && error?.isRetryable == true
            }
            for call in held { call.cancel() }
            for call in held { #expect(await failure { try await call.value }?.kind == .cancelled) }
            #expect(try await database.number("SELECT 1") == 1)
        }
    }
}
