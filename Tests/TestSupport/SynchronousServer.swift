import Foundation
import LocalPostgres
import Logging
import Postgres

/// A server whose commits wait, on demand, for a standby that is not there.
///
/// Not the server of the other tests: what is demanded holds for all of its databases. One test of a process has it at a time.
public struct SynchronousServer: Sendable {
    /// Its own commits wait for nobody.
    private let observer: Database

    /// Lends the server, with a database in it of the test's own, whose commits wait.
    public static func with<T: Sendable>(
        _ template: Template = .empty, _ body: (SynchronousServer, String) async throws -> T
    ) async throws -> T {
        let server = try await started.value
        await turns.take()
        defer { turns.giveBack() }
        let name = "test_\(UUID().uuidString.lowercased().replacing("-", with: "_"))"
        try await server.observer.script("CREATE DATABASE \(name)")
        let conninfo = server.observer.conninfo + " dbname='\(name)'"
        do {
            var options = DatabaseOptions()
            options.takeTime()
            try await Database.open(conninfo, options: options, logger: quiet) { try await template.prepare($0) }
            let value = try await body(server, conninfo)
            try await server.end(name)
            return value
        } catch {
            try await server.end(name)
            throw error
        }
    }

    /// From now on each commit waits.
    ///
    /// The server takes note of it in its own time: so one commit tries it out, and goes on waiting with the others.
    public func demandStandby() async throws {
        try await observer.script("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        try await observer.script("SELECT pg_reload_conf()")
        try await eventually("a commit waits") {
            // Awaited by nobody: ends when the demand is lifted, as whatever it then is.
            Task { [conninfo = observer.conninfo] in
                try await Database.open(conninfo, logger: Self.quiet) { try await $0.script(Self.write) }
            }
            try await Task.sleep(for: .milliseconds(50))
            return try await waiting() > 0
        }
    }

    /// Commits wait no longer, and those that do are done.
    public func lift() async throws {
        try await observer.script("ALTER SYSTEM RESET synchronous_standby_names")
        try await observer.script("SELECT pg_reload_conf()")
        try await eventually("no commit waits") { try await waiting() == 0 }
    }

    /// The server processes whose commit waits, in any database or in the one named.
    public func waiting(in database: String? = nil) async throws -> Int {
        try await ask(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = coalesce($1, datname)",
            database)
    }

    /// Cancels what the processes do whose commit waits in a database, as an administrator might.
    public func cancelWaiting(in database: String) async throws {
        _ = try await ask(
            "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = $1",
            database)
    }

    /// Ends these sessions, as an administrator might.
    public func terminateWaiting(in database: String) async throws {
        _ = try await ask(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = $1",
            database)
    }

    private func ask(_ statement: Statement, _ database: String?) async throws -> Int {
        try await observer.read(statement, database) { try $0[0, as: Int.self] }.first ?? 0
    }

    private func end(_ database: String) async throws {
        try await lift()
        try await observer.script("DROP DATABASE \(database) WITH (FORCE)")
    }

    private static let write = "SELECT pg_logical_emit_message(true, 'tests', '')"
    private static let turns = Places(1)
    private static var quiet: Logger { TestDatabase.quiet }

    /// Every test that needs the server awaits it; it lasts as long as the process.
    private static let started = Task {
        var settings = LocalPostgresSettings()
        settings.database = "tests"
        settings.fsync = false
        settings.maxConnections = 60
        settings.sharedBuffersMegabytes = 16
        let folder = "/tmp/shoeshop-synchronous-\(ProcessInfo.processInfo.processIdentifier)"
        let postgres = LocalPostgres(directory: folder, settings: settings)
        _ = try await postgres.removeWithThisProcess()
        var options = DatabaseOptions()
        options.takeTime()
        options.connection.settings.append((name: "synchronous_commit", value: "local"))
        return SynchronousServer(observer: Database(try await postgres.start(), options: options, logger: quiet))
    }
}
