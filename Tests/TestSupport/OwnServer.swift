import Foundation
import LocalPostgres
import Postgres

/// A server of a test's own, for what would disturb all other tests on the one that they share.
public struct OwnServer: Sendable {
    public let conninfo: String
    private let cluster: LocalPostgres
    private let folder: String

    /// Starts one, lends it to `body`, stops it and removes its files.
    public static func with<T: Sendable>(_ body: (OwnServer) async throws -> T) async throws -> T {
        let folder = "/tmp/shoeshop-own-\(UUID().uuidString.prefix(8).lowercased())"
        var settings = LocalPostgresSettings()
        settings.fsync = false
        settings.sharedBuffersMegabytes = 16
        let cluster = LocalPostgres(directory: folder, settings: settings)
        let watch = try await cluster.removeWithThisProcess()
        let outcome: Result<T, any Error>
        do {
            let server = OwnServer(conninfo: try await cluster.start(), cluster: cluster, folder: folder)
            outcome = .success(try await body(server))
        } catch {
            outcome = .failure(error)
        }
        try await cluster.stop()
        try watch.standDown()
        try FileManager.default.removeItem(atPath: folder)
        return try outcome.get()
    }

    /// What it has logged so far.
    public var log: String { get throws { try String(contentsOfFile: folder + "/server.log", encoding: .utf8) } }

    public func stop() async throws { try await cluster.stop() }

    /// Starts it again, at the same address.
    public func start() async throws { _ = try await cluster.start() }

    /// Makes it read-only, or not, for sessions that live already as for new ones; returns when it has become so.
    public func refuseWrites(_ refuses: Bool) async throws {
        let conninfo = conninfo + " target_session_attrs=any"
        try await Database.open(conninfo, logger: TestDatabase.quiet) { database in
            try await database.script("ALTER SYSTEM SET default_transaction_read_only = \(refuses ? "on" : "off")")
            try await database.execute("SELECT pg_reload_conf()")
        }
        // The server tells the sessions that live before it lets in another one: so one that is let in with the new setting
        // says that all others have been told. A session that has it already says so of itself only.
        try await eventually("every session has been told to read its settings anew") {
            try await Database.open(conninfo, logger: TestDatabase.quiet) { database in
                try await database.query("SELECT current_setting('default_transaction_read_only')::bool") {
                    try $0[0, as: Bool.self]
                } == [refuses]
            }
        }
    }
}
