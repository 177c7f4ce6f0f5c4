import Foundation
import LocalPostgres
import Postgres
import Subprocess

/// A PgBouncer in transaction mode before a server: a real process, which ends with this one.
///
/// Each transaction gets another of its few connections to the server, so that whatever was left in a session shows.
public struct TestPooler: Sendable {
    private static let port = 6432

    private let folder: String

    /// The one before this process's server.
    static func shared() async throws -> TestPooler { try await started.value }

    /// Every test that needs the pooler awaits it; it lasts as long as the process.
    private static let started = Task { try await start(before: try await TestServer.conninfo()) }

    /// - Parameter server: a connection string in the `key='value'` form, with a user.
    public static func start(before server: String) async throws -> TestPooler {
        let pooler = TestPooler(folder: "/tmp/shoeshop-pooler-\(UUID().uuidString.prefix(8).lowercased())")
        let account = try account(for: server)
        try pooler.makeFolder(of: account)
        try pooler.configuration(for: server).write(toFile: pooler.file("ini"), atomically: false, encoding: .utf8)
        _ = try await DeathWatch.start(["/bin/sh", "-c", #"kill "$(cat "$0/pid")"; rm -rf "$0""#, pooler.folder])
        let result = try await run(
            .name("pgbouncer"), arguments: Arguments(["-d", pooler.file("ini")] + (account.map { ["-u", $0] } ?? [])),
            output: .discarded, error: .string(limit: 1 << 12))
        guard result.terminationStatus.isSuccess else {
            throw NeverHappened(description: "PgBouncer did not start: \(result.standardError)")
        }
        try await eventually("PgBouncer listens") {
            // Its socket's file is there a moment before it listens.
            (try? await Connection.open(pooler.conninfo("postgres"))) != nil
        }
        return pooler
    }

    public func conninfo(_ database: String) -> String {
        "host='\(folder)' port=\(Self.port) user='somebody' dbname='\(database)'"
    }

    private func file(_ name: String) -> String { "\(folder)/\(name)" }

    private func configuration(for server: String) -> String {
        let anyDatabase = server.replacing(#/\bdbname\s*=\s*(?:'(?:[^'\\]|\\.)*'|\S+)/#, with: "")
        return """
            [databases]
            * = \(anyDatabase)
            [pgbouncer]
            pool_mode = transaction
            default_pool_size = 4
            server_round_robin = 1
            server_login_retry = 1
            max_client_conn = 400
            auth_type = any
            listen_addr =
            listen_port = \(Self.port)
            unix_socket_dir = \(folder)
            unix_socket_mode = 0700
            logfile = \(file("log"))
            pidfile = \(file("pid"))

            """
    }

    private func makeFolder(of account: String?) throws {
        var attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
        attributes[.ownerAccountName] = account
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try FileManager.default.setAttributes(attributes, ofItemAtPath: folder)
    }

    /// PgBouncer refuses to run as root. The server's own account is the one that can reach its socket.
    private static func account(for server: String) throws -> String? {
        guard geteuid() == 0 else { return nil }
        guard let host = server.firstMatch(of: #/host='(/[^']*)'/#)?.1 else { return "nobody" }
        return try FileManager.default.attributesOfItem(atPath: String(host))[.ownerAccountName] as? String
    }
}
