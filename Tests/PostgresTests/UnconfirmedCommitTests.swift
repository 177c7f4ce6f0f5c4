import Foundation
import TestSupport
import Testing

@testable import Postgres

@Suite("a commit is never cancelled, and one that nobody confirmed is told as unknown", .timeLimit(.minutes(10)))
struct UnconfirmedCommitTests {
    private static let insert: Statement = "INSERT INTO shoe VALUES (1)"
    private static let count: Statement = "SELECT count(*) FROM shoe"

    /// A database whose commits wait for a standby that is away, and its name.
    private static func withStandbyAway(
        settings: [(name: String, value: String)] = [],
        _ body: (SynchronousServer, Database, String) async throws -> Void
    ) async throws {
        try await SynchronousServer.with(.shoes) { server, conninfo in
            var options = DatabaseOptions()
            options.connection.settings += settings
            options.connectionLimit = 2
            try await Database.open(conninfo, options: options) { database in
                let name: String = try await database.one("SELECT current_database()")
                try await server.demandStandby()
                try await body(server, database, name)
            }
        }
    }

    @Test(
        "two commits that processes of one id are at work on, at two servers, keep two places, and each is given back")
    func sameProcess() async throws {
        try await Bench.with { database async throws in
            let commits = UnansweredCommits()
            let isThere = Tally(false)
            let ended = Tally(0)
            for _ in 0..<2 {
                commits.add(Int32.max) {
                    guard isThere.value else { throw PostgresError(.connectionFailed, "nobody is there") }
                    return try await Connection.open(database.conninfo)
                } whenEnded: {
                    ended.change { $0 += 1 }
                }
            }
            #expect(commits.count == 2)
            isThere.change { $0 = true }
            try await eventually("both are over") { ended.value == 2 && commits.count == 0 }
        }
    }

    enum Shape: CaseIterable {
        case transaction, queued, single, script, withoutBeginning

        func run(on database: Database, within limit: Duration?) async throws {
            switch self {
            case .transaction: try await database.write(within: limit) { try $0.execute(insert) }
            case .queued: try await database.write(within: limit) { $0.pipeline(insert) }
            case .single: try await database.execute(insert, within: limit)
            case .script: try await database.script(insert.sql, within: limit)
            case .withoutBeginning:
                try await database.perform(isTransaction: false, within: limit) { session in
                    session.pipeline(insert)
                    session.pipeline("SELECT 1")
                }
            }
        }
    }

    @Test(
        "a commit whose time is up waits on at the server, its caller is told, and the pool goes on with another connection",
        arguments: Shape.allCases)
    func deadline(shape: Shape) async throws {
        try await Self.withStandbyAway { server, database, name async throws in
            let error = await failure { try await shape.run(on: database, within: .seconds(3)) }
            #expect(error?.kind == .outcomeUnknown && error?.isRetryable == false && error?.isConnectionTrouble == true)
            #expect(try await server.waiting(in: name) == 1)
            #expect(try await database.number(Self.count) == 0)
            try await server.lift()
            #expect(try await database.number(Self.count) == 1)
        }
    }

    @Test(
        "a commit whose task is cancelled waits on at the server, and its caller is told",
        arguments: Shape.allCases)
    func cancellation(shape: Shape) async throws {
        try await Self.withStandbyAway { server, database, name async throws in
            let call = Task { try await shape.run(on: database, within: nil) }
            try await eventually("the commit waits") { try await server.waiting(in: name) == 1 }
            call.cancel()
            #expect(await failure { try await call.value }?.kind == .outcomeUnknown)
            #expect(try await server.waiting(in: name) == 1)
            try await server.lift()
            #expect(try await database.number(Self.count) == 1)
        }
    }

    @Test(
        "of a commit that somebody cancels at the server the warning counts, not the success, and the connection is kept",
        arguments: Shape.allCases)
    func cancelledAtTheServer(shape: Shape) async throws {
        try await Self.withStandbyAway { server, database, name async throws in
            let backend = try await database.backend()
            let call = Task { try await shape.run(on: database, within: nil) }
            try await eventually("the commit waits") { try await server.waiting(in: name) == 1 }
            try await server.cancelWaiting(in: name)
            let error = await failure { try await call.value }
            #expect(error?.kind == .outcomeUnknown && error?.message.contains("already committed locally") == true)
            #expect(try await database.backend() == backend)
            #expect(try await database.number(Self.count) == 1)
        }
    }

    @Test("the warning of a commit counts also for a program that asked for errors only", arguments: Shape.allCases)
    func unheardWarning(shape: Shape) async throws {
        try await Self.withStandbyAway(settings: [(name: "client_min_messages", value: "error")]) {
            server, database, name async throws in
            let call = Task { try await shape.run(on: database, within: nil) }
            try await eventually("the commit waits") { try await server.waiting(in: name) == 1 }
            try await server.cancelWaiting(in: name)
            #expect(await failure { try await call.value }?.kind == .outcomeUnknown)
        }
    }

    @Test("the outcome of a commit is unknown when somebody ends its session", arguments: Shape.allCases)
    func terminated(shape: Shape) async throws {
        try await Self.withStandbyAway { server, database, name async throws in
            let call = Task { try await shape.run(on: database, within: nil) }
            try await eventually("the commit waits") { try await server.waiting(in: name) == 1 }
            try await server.terminateWaiting(in: name)
            #expect(await failure { try await call.value }?.kind == .outcomeUnknown)
            #expect(try await database.number(Self.count) == 1)
        }
    }

    @Test("the server's own limit on statements does not cancel a commit")
    func statementTimeout() async throws {
        try await Self.withStandbyAway(settings: [(name: "statement_timeout", value: "1s")]) {
            server, database, name async throws in
            let error = await failure { try await database.write(within: .seconds(4)) { try $0.execute(Self.insert) } }
            #expect(error?.kind == .outcomeUnknown)
            #expect(try await server.waiting(in: name) == 1)
        }
    }

    @Test("a commit that is confirmed within its time is a success")
    func confirmed() async throws {
        try await Self.withStandbyAway { server, database, name async throws in
            let call = Task { try await database.write(within: .seconds(100)) { try $0.execute(Self.insert) } }
            try await eventually("the commit waits") { try await server.waiting(in: name) == 1 }
            try await server.lift()
            _ = try await call.value
            #expect(try await database.number(Self.count) == 1)
        }
    }

    @Test("everybody in a group whose commit is not confirmed is told, and the next group is committed")
    func group() async throws {
        try await Self.withStandbyAway { server, database, _ async throws in
            let group = GroupCommit<Int, Void>(limit: 10, on: database) { sizes, connection in
                try await connection.write(within: .seconds(3)) { session in
                    for size in sizes { session.pipeline("INSERT INTO shoe VALUES ($1)", Int32(size)) }
                }
                return sizes.map { _ in }
            }
            await withTaskGroup(of: PostgresError.Kind?.self) { calls in
                for size in 0..<5 { calls.addTask { await failure { try await group.submit(size) }?.kind } }
                for await kind in calls { #expect(kind == .outcomeUnknown) }
            }
            try await server.lift()
            try await group.submit(5)
            #expect(try await database.number(Self.count) == 6)
        }
    }

    @Test(
        "commits that wait at the server take no more of its processes than the pool has places, which are free again once they end",
        arguments: [true, false])
    func places(isLifted: Bool) async throws {
        try await Self.withStandbyAway { server, database, name async throws in
            for call in 1...5 {
                let error = await failure {
                    try await database.execute("INSERT INTO shoe VALUES ($1)", Int32(call), within: .seconds(3))
                }
                #expect(error?.kind == (call > 2 ? .poolExhausted : .outcomeUnknown), "\(call): \(error as Any)")
                if call > 2 { #expect(error?.message.contains("2 are taken by commits") == true) }
            }
            #expect(try await server.waiting(in: name) == 2)
            try await isLifted ? server.lift() : server.terminateWaiting(in: name)
            #expect(try await database.number(Self.count) == 2)
            try await eventually("both places are free") { database.statistics.open == 1 }
        }
    }

    @Test(
        "a commit that was given up because its line is silent keeps no place: its server process waits for nothing but its client"
    )
    func silence() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let backend = try await database.backend()
            defer { kill(backend, SIGCONT) }
            let error = await failure {
                try await database.write(within: .seconds(3)) { session in
                    try session.execute("SELECT 1")
                    kill(backend, SIGSTOP)
                }
            }
            #expect(error?.kind == .outcomeUnknown)
            #expect(try await database.backend() != backend)
        }
    }

    @Test("a statement that waits in front of its commit is still cancelled, and nothing of it stays")
    func statementAhead() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let backend = try await database.backend()
            let blocker = try await database.dedicatedConnection(named: "blocker")
            try await blocker.script("SELECT pg_advisory_lock(1)")
            for shape in [true, false] {
                let error = await failure {
                    try await database.perform(isTransaction: shape, within: .milliseconds(200)) { session in
                        session.pipeline(Self.insert)
                        session.pipeline("SELECT pg_advisory_xact_lock(1)")
                    }
                }
                #expect(error?.kind == .deadlineExceeded && error?.isRetryable == true)
            }
            #expect(try await database.backend() == backend)
            #expect(try await database.number(Self.count) == 0)
        }
    }

    @Test("a script of a transaction is cancelled as any statement when its time is up, and nothing of it stays")
    func scriptAhead() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let backend = try await database.backend()
            let error = await failure {
                try await database.write(within: .milliseconds(200)) { session in
                    try session.script("\(Self.insert.sql); SELECT pg_sleep(3600)")
                }
            }
            #expect(error?.kind == .deadlineExceeded)
            #expect(try await database.backend() == backend)
            #expect(try await database.number(Self.count) == 0)
        }
    }

    @Test(
        "a script by itself is left to the server when its time is up, and its place in the pool is free once it ends")
    func scriptAlone() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            let blocker = try await database.dedicatedConnection(named: "blocker")
            try await blocker.script("SELECT pg_advisory_lock(1)")
            // Connecting takes no part of its time.
            _ = try await database.backend()
            let error = await failure {
                try await database.script(
                    "\(Self.insert.sql); SELECT pg_advisory_xact_lock(1)", within: .seconds(1))
            }
            #expect(error?.kind == .outcomeUnknown)
            #expect(try await blocker.number(Self.count) == 0)
            #expect(database.statistics.open == 1)
            await blocker.close()
            #expect(try await database.number(Self.count) == 1)
        }
    }

    @Test("a trigger's warning during a commit puts nothing in doubt")
    func otherWarning() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            try await database.script(
                """
                CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'hot'; RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER warns AFTER INSERT ON shoe DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION warn();
                """)
            try await database.write { try $0.execute(Self.insert) }
            #expect(try await database.number(Self.count) == 1)
        }
    }
}
