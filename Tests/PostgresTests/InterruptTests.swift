import Foundation
import Postgres
import TestSupport
import Testing

@Suite("Deadlines and cancellation end the statement and keep the connection", .timeLimit(.minutes(10)))
struct InterruptTests {
    /// A statement that nobody can talk into stopping, for so many seconds.
    private static func stubborn(_ seconds: Double) -> String {
        """
        DECLARE until timestamptz := clock_timestamp() + interval '\(seconds) seconds';
        BEGIN
            WHILE clock_timestamp() < until LOOP
                BEGIN PERFORM pg_sleep(0.05); EXCEPTION WHEN query_canceled THEN NULL; END;
            END LOOP;
        """
    }

    @Test("a deadline stops the running statement, and the same backend serves on")
    func deadline() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            let error = await failure {
                try await database.write(within: .milliseconds(200)) {
                    try $0.execute("SELECT pg_sleep(3600)")
                }
            }
            #expect(error?.kind == .deadlineExceeded && error?.isRetryable == true)
            #expect(try await database.backend() == backend)
            #expect(
                try await database.number(
                    """
                    SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(3600)%' AND state \
                    = 'active' AND datname = current_database()
                    """
                ) == 0)
        }
    }

    @Test("deadlines that pass just as a statement is sent never lose the connection")
    func deadlineRace() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            for microseconds in stride(from: 0, to: 3000, by: 100) {
                let error = await failure {
                    try await database.write(within: .microseconds(microseconds)) { session in
                        try session.execute("SELECT 1")
                        try session.execute("SELECT pg_sleep(60)")
                    }
                }
                #expect(error?.kind == .deadlineExceeded || error?.kind == .poolExhausted)
            }
            #expect(try await database.backend() == backend)
        }
    }

    @Test("cancelling the task stops the running statement, and the same backend serves on")
    func cancellation() async throws {
        try await Bench.with(limit: 2) { database async throws in
            for _ in 0..<5 {
                let call = Task { try await database.write { try $0.execute("SELECT pg_sleep(61)") } }
                var backend: [Int32] = []
                try await eventually("the statement runs") {
                    backend = try await database.query(
                        """
                        SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(61)' AND state = \
                        'active' AND wait_event = 'PgSleep' AND datname = current_database()
                        """
                    ) { try $0[0] }
                    return !backend.isEmpty
                }
                call.cancel()
                let error = await failure { try await call.value }
                #expect(error?.kind == .cancelled && error?.isRetryable == false)
                #expect(
                    try await database.query(
                        "SELECT 1 FROM pg_stat_activity WHERE pid = $1", backend.first
                    ) { _ in 1 } == [1])
            }
            #expect(database.statistics.open <= 2)
        }
    }

    @Test("a commit that went through in spite of its deadline is told as a commit")
    func truthfulCommit() async throws {
        try await Bench.with(.shoes, limit: 2) { database async throws in
            try await database.script(
                """
                CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ \(Self.stubborn(1)) RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON shoe DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION dawdle();
                """)
            let error = await failure {
                try await database.write(within: .milliseconds(300)) { session in
                    try session.execute("INSERT INTO shoe VALUES (1)")
                }
            }
            let rows = try await database.number("SELECT count(*) FROM shoe")
            // A server that takes longer than it is given to stop is given up, and nobody can know.
            #expect(
                error?.kind == .outcomeUnknown || (error == nil) == (rows == 1),
                "told \(error?.description ?? "success"), and \(rows) rows are there")
        }
    }

    @Test("a transaction whose deadline passes before its commit is rolled back")
    func lateCommit() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            // Connecting takes no part of its time.
            #expect(try await database.number("SELECT count(*) FROM shoe") == 0)
            let error = await failure {
                try await database.write(within: .milliseconds(200)) { session in
                    try session.execute("INSERT INTO shoe VALUES (1)")
                    // The body itself is late: there is no statement to cancel.
                    Thread.sleep(forTimeInterval: 0.3)
                }
            }
            #expect(error?.kind == .deadlineExceeded)
            #expect(try await database.number("SELECT count(*) FROM shoe") == 0)
        }
    }

    @Test(
        "a server that ignores the cancel request loses the connection, and nobody is handed its answers"
    )
    func stubbornServer() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            // Awaited below, once it has been cancelled in the midst of its work.
            let work = Task { try await database.write { try $0.execute("SELECT pg_sleep(60)") } }
            let observer = try await database.dedicatedConnection(named: "observer")
            try await eventually("the server is at work") {
                try await observer.query(
                    "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND wait_event = 'PgSleep'",
                    backend
                ) { try $0[0, as: Int.self] } == [1]
            }
            // Stopped, it hears nothing at all.
            kill(backend, SIGSTOP)
            defer { kill(backend, SIGCONT) }
            work.cancel()
            #expect(await failure { try await work.value }?.kind == .connectionLost)
            for number in 0..<20 {
                #expect(
                    try await database.query("SELECT $1", number) { try $0[0, as: Int.self] } == [number])
            }
            #expect(try await database.backend() != backend)
        }
    }
}
