import Foundation
import LocalPostgres
import Postgres
import TestSupport
import Testing

@testable import Scenarios

/// Faults of one server come one after the other; what holds for the suite's tests is a server that is well.
enum ServerUnderTest {
    /// Lends the suite's server, with a table `shoe` that is empty, and a pool of real connections to it.
    static func with(_ body: (ScenarioServer, Database) async throws -> Void) async throws {
        let server = try await shared.value
        let database = database(of: server)
        try await database.script("DROP TABLE IF EXISTS shoe; CREATE TABLE shoe (size int)")
        try await body(server, database)
        await database.close()
    }

    static func database(
        of server: ScenarioServer, through proxy: Proxy? = nil, connectTimeout: Duration? = nil
    ) -> Database {
        var options = DatabaseOptions()
        options.connectionLimit = 4
        if let connectTimeout { options.connection.connectTimeout = connectTimeout }
        let conninfo = proxy.map { server.conninfo(through: $0) } ?? server.conninfo
        return Database(conninfo, options: options)
    }

    static func server(diskLimit: Int? = nil) -> ScenarioServer {
        var settings = LocalPostgresSettings()
        settings.fsync = false
        settings.maxConnections = 30
        settings.sharedBuffersMegabytes = 32
        let folder = "/tmp/scenario-\(UUID().uuidString.prefix(8).lowercased())"
        return ScenarioServer(folder: folder, settings: settings, diskLimit: diskLimit)
    }

    /// Every test of the suite awaits it; it is removed with the process.
    private static let shared = Task {
        let server = ServerUnderTest.server()
        try await server.start()
        return server
    }
}

extension Database {
    func insert(_ size: Int) async throws { try await execute("INSERT INTO shoe VALUES ($1)", Int32(size)) }

    func sizes() async throws -> [Int] {
        try await query("SELECT size FROM shoe ORDER BY size") { try $0[0, as: Int.self] }
    }
}

/// What a call fails with, or nil.
func failure(_ call: () async throws -> Void) async -> PostgresError? {
    do {
        try await call()
        return nil
    } catch {
        return error as? PostgresError
    }
}
