import Foundation
import LocalPostgres
import Subprocess
import Testing

@Suite("A private cluster", .timeLimit(.minutes(10)))
struct LocalPostgresTests {
    @Test("a private cluster starts, answers queries, keeps its data over a restart, and stops")
    func life() async throws {
        try await withCluster { postgres, conninfo in
            try await psql(conninfo, "CREATE TABLE shoe AS SELECT 42 AS size")
            try await postgres.stop()
            #expect(try postgres.status() == .stopped)
            #expect(try await psql(postgres.start(), "SELECT size FROM shoe") == "42")
        }
    }

    @Test("a private cluster is UTF8 with the C locale, listens on no TCP port, and has the settings asked for")
    func settings() async throws {
        try await withCluster { _, conninfo in
            let settings = ["server_encoding", "listen_addresses", "max_connections", "fsync"]
            let values = try await psql(
                conninfo,
                """
                SELECT \(settings.map { "current_setting('\($0)')" }.joined(separator: "||' '||"))||' '||datcollate
                FROM pg_database WHERE datname = current_database()
                """)
            #expect(values == "UTF8  200 off C")
        }
    }

    @Test("two starters of a private cluster at once get the same server")
    func twoStarters() async throws {
        try await withFolder { folder in
            let postgres = (0..<2).map { _ in LocalPostgres(directory: folder, settings: quick) }
            async let first = postgres[0].start()
            async let second = postgres[1].start()
            let (one, other) = try await (first, second)
            #expect(one == other)
            #expect(try postgres[0].status() == postgres[1].status())
            try await postgres[0].stop()
        }
    }

    @Test("a private cluster starts again after kill -9, though its process number now belongs to a stranger")
    func staleProcessNumber() async throws {
        try await withCluster { postgres, conninfo in
            try await psql(conninfo, "CREATE TABLE shoe AS SELECT 42 AS size")
            try killServer(of: postgres)
            // The file of a server whose number is ours now: PostgreSQL alone would refuse to start.
            let file = home(conninfo).appending(path: "data/postmaster.pid")
            let lines = try String(contentsOf: file, encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false)
            let stale = ["\(ProcessInfo.processInfo.processIdentifier)"] + lines.dropFirst().map(String.init)
            try stale.joined(separator: "\n").write(to: file, atomically: false, encoding: .utf8)
            #expect(try postgres.status() == .stopped)
            #expect(try await psql(postgres.start(), "SELECT size FROM shoe") == "42")
        }
    }

    @Test("a first start of a private cluster that was interrupted leaves nothing in the way")
    func interruptedFirstStart() async throws {
        try await withFolder { folder in
            let postgres = LocalPostgres(directory: folder, settings: quick)
            let conninfo = try await postgres.start()
            try await postgres.stop()
            let home = home(conninfo)
            try FileManager.default.moveItem(
                at: home.appending(path: "data"), to: home.appending(path: "data.unfinished"))
            #expect(try await psql(postgres.start(), "SELECT 1") == "1")
            try await postgres.stop()
        }
    }

    @Test("a private cluster works under a path that is too long for a socket address, with spaces and quotes")
    func longPath() async throws {
        try await withFolder { folder in
            let deep = folder + "/it's a, deep folder/" + String(repeating: "x", count: 120)
            let postgres = LocalPostgres(directory: deep, settings: quick)
            let conninfo = try await postgres.start()
            #expect(try await psql(conninfo, "SELECT 1") == "1")
            try await postgres.stop()
            try FileManager.default.removeItem(atPath: String(conninfo.split(separator: "'")[1]))
        }
    }
}
