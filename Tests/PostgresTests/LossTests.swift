import Postgres
import TestSupport
import Testing

@Suite("A server that goes away breaks calls, not the pool")
struct LossTests {
    private static let killOthers: Statement = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        """
    private static let killSelf: Statement = "SELECT pg_terminate_backend(pg_backend_pid())"

    @Test(
        "a backend that is terminated under a statement fails it as connectionLost, and the pool heals")
    func terminated() async throws {
        try await Bench.with(limit: 3) { database async throws in
            let call = Task { try await database.write { try $0.execute("SELECT pg_sleep(62)") } }
            try await eventually("the statement runs") {
                try await database.number(
                    """
                    SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(62)' AND wait_event \
                    = 'PgSleep' AND datname = current_database()
                    """
                ) == 1
            }
            try await database.execute(Self.killOthers)
            let error = await failure { try await call.value }
            #expect(
                error?.kind == .connectionLost && error?.isRetryable == true
                    && error?.isConnectionTrouble == true)
            for _ in 0..<10 { #expect(try await database.number("SELECT 1") == 1) }
            #expect(database.statistics.waiting == 0)
        }
    }

    @Test("idle connections that were terminated are replaced, and never counted twice")
    func idle() async throws {
        try await Bench.with(limit: 4) { database async throws in
            let executioner = try await database.dedicatedConnection(named: "executioner")
            for _ in 0..<5 {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 {
                        group.addTask { _ = try? await database.execute("SELECT pg_sleep(0.01)") }
                    }
                }
                try await executioner.execute(Self.killOthers)
                // What has not been noticed yet may fail; what comes after it may not.
                for _ in 0..<4 { _ = try? await database.execute("SELECT 1") }
                #expect(try await database.number("SELECT 1") == 1)
                #expect(database.statistics.open <= 4)
            }
            await executioner.close()
        }
    }

    @Test("a connection that dies during the commit leaves the outcome unknown, and says so")
    func unknownOutcome() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let error = await failure {
                try await database.write { session in
                    try session.execute("INSERT INTO shoe VALUES (1)")
                    session.pipeline(Self.killSelf)
                }
            }
            #expect(error?.kind == .outcomeUnknown && error?.isRetryable == false)
            let queued = await failure {
                try await database.write { session in
                    session.pipeline("INSERT INTO shoe VALUES (1)")
                    session.pipeline(Self.killSelf)
                }
            }
            #expect(queued?.kind == .outcomeUnknown)
            #expect(try await database.number("SELECT count(*) FROM shoe") == 0)
        }
    }

    @Test("a statement that commits by itself may have been committed when its connection dies under it")
    func single() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let error = await failure { try await database.execute(Self.killSelf) }
            #expect(error?.kind == .outcomeUnknown && error?.isRetryable == false && error?.isConnectionTrouble == true)
        }
    }

    @Test("a read has no outcome to be unsure about: its connection is lost, and it may be run again")
    func read() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let error = await failure { try await database.read(Self.killSelf) { try $0[0, as: Bool.self] } }
            #expect(error?.kind == .connectionLost && error?.isRetryable == true && error?.isConnectionTrouble == true)
            #expect(try await database.read("SELECT count(*) FROM shoe") { try $0[0, as: Int.self] } == [0])
        }
    }

    @Test("a connection that dies before the commit is lost, and nothing of it stays")
    func lostInTheMiddle() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let error = await failure {
                try await database.write { session in
                    try session.execute("INSERT INTO shoe VALUES (1)")
                    try session.execute(Self.killSelf)
                    try session.execute("INSERT INTO shoe VALUES (2)")
                }
            }
            #expect(error?.kind == .connectionLost)
            #expect(try await database.number("SELECT count(*) FROM shoe") == 0)
        }
    }

    @Test(
        "a server that is not there fails the call at once, again and again, without wearing out the pool"
    )
    func absent() async throws {
        var options = DatabaseOptions()
        options.connectionLimit = 2
        let database = Database("host=/tmp/no-such-folder dbname=none", options: options)
        for _ in 0..<20 {
            let error = await failure { try await database.execute("SELECT 1") }
            #expect(error?.kind == .connectionFailed && error?.isRetryable == true)
        }
        #expect(database.statistics.open == 0)
        await database.close()
        #expect(await failure { try await database.execute("SELECT 1") }?.kind == .closed)
    }

    @Test("a connection tells that it was closed, and its events end")
    func closedEvent() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let connection = try await database.dedicatedConnection(named: "listener")
            let backend = await connection.backendPID
            try await database.execute("SELECT pg_terminate_backend($1)", backend)
            var heard: [Connection.Signal] = []
            for await signal in connection.events { heard.append(signal) }
            #expect(heard == [.closed])
            #expect(connection.isBroken)
            #expect(await failure { try await connection.execute("SELECT 1") }?.kind == .connectionLost)
        }
    }
}
