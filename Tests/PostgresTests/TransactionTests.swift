import Foundation
import Postgres
import TestSupport
import Testing

extension Template {
    static let shoes = Template("shoes") {
        try await $0.script("CREATE TABLE shoe (size int PRIMARY KEY, xact bigint)")
    }
}

@Suite("A transaction happens wholly or not at all")
struct TransactionTests {
    private struct Stop: Error {}
    private static let add: Statement = "INSERT INTO shoe VALUES ($1, txid_current())"
    private static let count: Statement = "SELECT count(*) FROM shoe"

    @Test(
        "a transaction that throws leaves nothing behind, at every point where it may throw", arguments: 0...3)
    func throwing(point: Int) async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            await #expect(throws: Stop.self) {
                try await database.write { session in
                    if point == 0 { throw Stop() }
                    try session.execute(Self.add, Int32(1))
                    if point == 1 { throw Stop() }
                    session.pipeline(Self.add, Int32(2))
                    if point == 2 { throw Stop() }
                    _ = try session.query("SELECT 1") { _ in throw Stop() }
                }
            }
            #expect(try await database.number(Self.count) == 0)
            let state = try await database.number(
                """
                SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock' AND database = (SELECT oid \
                FROM pg_database WHERE datname = current_database())
                """
            )
            #expect(state == 0, "no transaction is left open")
        }
    }

    @Test("a transaction that swallows an error of the server cannot be committed")
    func swallowed() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let error = await failure {
                try await database.write { session in
                    try session.execute(Self.add, Int32(1))
                    _ = try? session.execute("SELECT 1 / 0")
                }
            }
            #expect(error?.sqlState == "22012")
            let decoding = await failure {
                try await database.write { session in
                    try session.execute(Self.add, Int32(1))
                    _ = try? session.query("SELECT 'x' AS name") { try $0[0, as: Int.self] }
                }
            }
            #expect(decoding?.kind == .decoding)
            #expect(try await database.number(Self.count) == 0)
        }
    }

    @Test("queued statements are one transaction, and the failure of any takes all back")
    func queued() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            try await database.write { session in
                for size in 1...50 { session.pipeline(Self.add, Int32(size)) }
            }
            #expect(try await database.number("SELECT count(DISTINCT xact) FROM shoe") == 1)
            let error = await failure {
                try await database.write { session in
                    for size in 51...60 { session.pipeline(Self.add, Int32(size)) }
                    session.pipeline(Self.add, Int32(7))
                    for size in 61...70 { session.pipeline(Self.add, Int32(size)) }
                }
            }
            #expect(error?.isUniqueViolation == true && error?.constraint == "shoe_pkey")
            #expect(try await database.number(Self.count) == 50)
        }
    }

    @Test("a queued statement travels with the next one, before it")
    func order() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let seen = try await database.write { session in
                session.pipeline(Self.add, Int32(1))
                session.pipeline("UPDATE shoe SET size = 2")
                return try session.query("SELECT size FROM shoe") { try $0[0, as: Int.self] }
            }
            #expect(seen == [2])
        }
    }

    @Test("after any failure of a pipeline the same connection goes on, with its statements in step")
    func pipelineErrors() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let backend = try await database.backend()
            for round in 0..<20 {
                let error = await failure {
                    try await database.write { session in
                        session.pipeline(Statement("SELECT 'fresh \(round)'"))
                        session.pipeline(Statement(round.isMultiple(of: 2) ? "SELECT nonsense" : "SELECT 1 / 0"))
                        session.pipeline(Statement("SELECT 'never prepared \(round)'"))
                        try session.execute(Statement("SELECT 'nor this \(round)'"))
                    }
                }
                #expect(error?.kind == .server)
                let again = try await database.query(Statement("SELECT 'never prepared \(round)'")) {
                    try $0[0, as: String.self]
                }
                #expect(again == ["never prepared \(round)"])
            }
            #expect(try await database.backend() == backend)
        }
    }

    @Test("a constraint that is checked at the commit fails the commit, and the connection serves on")
    func deferredConstraint() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            try await database.script(
                "CREATE TABLE pair (size int REFERENCES shoe DEFERRABLE INITIALLY DEFERRED)")
            let backend = try await database.backend()
            let error = await failure {
                try await database.write { try $0.execute("INSERT INTO pair VALUES (44)") }
            }
            #expect(error?.sqlState == "23503" && error?.isRetryable == false)
            #expect(try await database.backend() == backend)
        }
    }

    @Test("what a transaction wants done after its commit happens after a commit only")
    func afterCommit() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let (rings, ring) = AsyncStream.makeStream(of: String.self)
            _ = await failure {
                try await database.write { session in
                    session.afterCommit { ring.yield("rolled back") }
                    try session.execute("SELECT 1 / 0")
                }
            }
            try await database.write { session in
                session.afterCommit { ring.yield("committed") }
                session.pipeline(Self.add, Int32(1))
            }
            ring.finish()
            var heard: [String] = []
            for await one in rings { heard.append(one) }
            #expect(heard == ["committed"])
        }
    }

    @Test("a thousand different statements don't pile up in the server")
    func statementCache() async throws {
        try await Bench.with(limit: 1) { database async throws in
            for round in 0..<2 {
                for number in 0..<600 {
                    #expect(
                        try await database.number(Statement("SELECT \(number)::int8")) == number,
                        "round \(round)")
                }
            }
            #expect(try await database.number("SELECT count(*) FROM pg_prepared_statements") <= 520)
        }
    }

    @Test(
        "a statement of its own that is refused at its commit, or whose session ends there, is not told as done",
        arguments: [
            ("RAISE unique_violation", PostgresError.Kind.server),
            ("PERFORM pg_terminate_backend(pg_backend_pid())", .outcomeUnknown),
        ])
    func refusedAtCommit(deed: String, kind: PostgresError.Kind) async throws {
        try await Bench.with(.shoes, limit: 2) { database async throws in
            try await database.script(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \(deed); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER refusal AFTER INSERT ON shoe DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION refuse();
                """)
            for size in 0..<20 {
                let single = await failure { try await database.execute(Self.add, Int32(size)) }
                let queued = await failure {
                    try await database.perform(isTransaction: false, within: nil) { $0.pipeline(Self.add, Int32(size)) }
                }
                for error in [single, queued] {
                    #expect(error?.kind == kind && (kind != .server || error?.isUniqueViolation == true))
                }
            }
            #expect(try await database.number(Self.count) == 0)
        }
    }
}
