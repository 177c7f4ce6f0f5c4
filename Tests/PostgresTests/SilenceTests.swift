import Foundation
import Postgres
import TestSupport
import Testing

/// A stopped server process is as silent as one behind a line that only looks open: its sockets stay, and nothing comes.
@Suite("A silent server is left, and waited for by nobody for ever", .timeLimit(.minutes(10)))
struct SilenceTests {
    @Test(
        "a statement without a limit of its own gives up a connection that has fallen silent, and the next call makes another"
    )
    func statement() async throws {
        try await Silent.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            try await Silent.during([backend]) { () async throws in
                let error = await failure { try await database.read("SELECT 1") { try $0[0, as: Int.self] } }
                #expect(error?.kind == .connectionLost && error?.isRetryable == true)
                #expect(try await database.backend() != backend)
            }
        }
    }

    @Test("a statement that commits by itself may have been committed when its connection falls silent")
    func outcome() async throws {
        try await Silent.with(limit: 1) { database async throws in
            try await Silent.during([try await database.backend()]) { () async throws in
                let error = await failure { try await database.execute("SELECT 1") }
                #expect(error?.kind == .outcomeUnknown && error?.isConnectionTrouble == true)
            }
        }
    }

    @Test("with one connection that has fallen silent, all idle ones are left that have not answered since")
    func idleConnections() async throws {
        try await Silent.with(limit: 4) { database async throws in
            let backends = try await Silent.backends(4, of: database)
            try await Silent.during(backends) { () async throws in
                #expect(await failure { try await database.execute("SELECT 1") }?.isConnectionTrouble == true)
                #expect(database.statistics.open == 0)
                // None of these meets a silent connection, which would cost it seconds.
                for _ in 0..<8 { #expect(!backends.contains(try await database.backend())) }
            }
        }
    }

    @Test("a rollback on a connection that has fallen silent ends, and leaves the connection")
    func rollback() async throws {
        struct Refused: Error {}
        try await Silent.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            defer { kill(backend, SIGCONT) }
            await #expect(throws: Refused.self) {
                try await database.write { session in
                    try session.execute("SELECT 1")
                    kill(backend, SIGSTOP)
                    throw Refused()
                }
            }
            #expect(try await database.backend() != backend)
        }
    }

    @Test("a call behind one that gave up its silent connection fails at once, however long it might take")
    func callBehind() async throws {
        try await Silent.with(limit: 1) { database async throws in
            let connection = try await database.dedicatedConnection(named: "crowded")
            try await Silent.during([await connection.backendPID]) { () async throws in
                let (begun, beginning) = AsyncStream<Void>.makeStream()
                async let first = failure {
                    try await connection.write {
                        beginning.yield()
                        try $0.execute("SELECT 1")
                    }
                }
                for await _ in begun { break }
                let second = await failure { try await connection.execute("SELECT 2", within: .seconds(3600)) }
                #expect(second?.kind == .connectionLost)
                #expect(await first?.kind == .connectionLost)
                await connection.close()
            }
        }
    }

    @Test("to listen on a connection that has fallen silent fails, and says that it is closed")
    func listening() async throws {
        try await Silent.with(limit: 1) { database async throws in
            let listener = try await database.dedicatedConnection(named: "listener")
            try await Silent.during([await listener.backendPID]) { () async throws in
                let error = await failure { try await listener.listen(to: ["bell"]) }
                #expect(error?.isConnectionTrouble == true)
                #expect(listener.isBroken)
                for await signal in listener.events { #expect(signal == .closed) }
            }
        }
    }

    @Test("a statement with a limit of its own may be silent for longer than others")
    func ownLimit() async throws {
        try await Silent.with(limit: 1) { database async throws in
            let error = await failure { try await database.execute("SELECT pg_sleep(60)") }
            #expect(error?.kind == .deadlineExceeded && error?.isRetryable == true)
            let backend = try await database.backend()
            try await database.execute("SELECT pg_sleep(10)", within: .seconds(3600))
            #expect(try await database.backend() == backend)
        }
    }

    @Test("a statement that may take an hour is given up when its server process is not at work on it")
    func longLimit() async throws {
        try await Silent.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            try await Silent.during([backend]) { () async throws in
                let error = await failure {
                    try await database.write(within: .seconds(3600)) { try $0.execute("SELECT 1") }
                }
                #expect(error?.kind == .connectionLost && error?.isRetryable == true)
                #expect(try await database.backend() != backend)
            }
        }
    }

    @Test("a commit that may take an hour may have happened when its server process is not at work on it")
    func longCommit() async throws {
        try await Silent.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            defer { kill(backend, SIGCONT) }
            let error = await failure {
                try await database.write(within: .seconds(3600)) { session in
                    try session.execute("SELECT 1")
                    kill(backend, SIGSTOP)
                }
            }
            #expect(error?.kind == .outcomeUnknown)
            #expect(try await database.backend() != backend)
        }
    }

    @Test("an answer that takes long is read to its end, as long as something comes")
    func longAnswer() async throws {
        try await Silent.with(limit: 1) { database async throws in
            let rows = try await database.query("SELECT repeat('x', 10000), pg_sleep(0.4) FROM generate_series(1, 12)")
            {
                try $0[0, as: String.self].count
            }
            #expect(rows == [Int](repeating: 10_000, count: 12))
        }
    }

    @Test("a new connection is waited for no longer than the call may take")
    func connecting() async throws {
        try await Silent.with(limit: 1) { database async throws in
            // Takes what comes and answers nothing.
            let deaf = try DeafServer()
            defer { deaf.stop() }
            var options = DatabaseOptions()
            options.connection.connectTimeout = .seconds(300)
            let away = Database(deaf.conninfo, options: options)
            let start = ContinuousClock.now
            let error = await failure {
                try await away.write(within: .milliseconds(200)) { try $0.execute("SELECT 1") }
            }
            #expect(error?.kind == .connectionFailed)
            #expect(ContinuousClock.now - start < .seconds(60))
            await away.close()
        }
    }
}

/// Connections of a database that give a silent server three seconds.
private enum Silent {
    static func with(limit: Int, _ body: (Database) async throws -> Void) async throws {
        try await Bench.with(limit: 1) { database async throws in
            var options = DatabaseOptions()
            options.connectionLimit = limit
            options.connection.silenceLimit = .seconds(3)
            try await Database.open(database.conninfo, options: options) { try await body($0) }
        }
    }

    /// The server processes of so many connections at once.
    static func backends(_ count: Int, of database: Database) async throws -> [Int32] {
        try await withThrowingTaskGroup(of: Int32.self) { group in
            for _ in 0..<count {
                group.addTask { try await database.one("SELECT pg_backend_pid() FROM pg_sleep(0.3)") }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    static func during(_ backends: [Int32], _ body: () async throws -> Void) async throws {
        for backend in backends { kill(backend, SIGSTOP) }
        defer { for backend in backends { kill(backend, SIGCONT) } }
        try await body()
    }
}

/// A port at which connections are made and nobody answers.
private struct DeafServer {
    private let listener: Int32
    let conninfo: String

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard isBound else { throw NeverHappened(description: "no port: \(String(cString: strerror(errno)))") }
        listener = descriptor
        conninfo = "host=127.0.0.1 port=\(UInt16(bigEndian: address.sin_port)) dbname=none user=nobody"
    }

    func stop() { close(listener) }
}
