import Foundation
import LocalPostgres
import Postgres

/// The PostgreSQL server of this test process.
///
/// `TEST_DATABASE_URL` names one (in the `key=value` form); else a private cluster is started when the first test
/// needs it, and removed when the process ends, in whatever way.
public enum TestServer {
    /// A connection string with an administrator's rights.
    public static func conninfo() async throws -> String { try await started.value }

    /// Every test that needs the server awaits it; it lasts as long as the process.
    private static let started = Task {
        let conninfo = try await start()
        let connection = try await Connection.open(conninfo)
        let version = try await connection.query("SELECT current_setting('server_version')") {
            try $0[0, as: String.self]
        }
        await connection.close()
        print("The tests' server is PostgreSQL \(version[0]).")
        return conninfo
    }

    private static func start() async throws -> String {
        if let given = ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] { return given }
        var settings = LocalPostgresSettings()
        settings.database = "tests"
        settings.fsync = false
        settings.maxConnections = ConnectionBudget.all
        settings.sharedBuffersMegabytes = 128
        let folder = "/tmp/shoeshop-tests-\(ProcessInfo.processInfo.processIdentifier)"
        let postgres = LocalPostgres(directory: folder, settings: settings)
        _ = try await postgres.removeWithThisProcess()
        return try await postgres.start()
    }
}
