import Foundation
import LocalPostgres

/// The PostgreSQL server of this test process.
///
/// `TEST_DATABASE_URL` names one (in the `key=value` form); else a private cluster is started when the first test
/// needs it, and removed when the process ends, in whatever way.
public enum TestServer {
    /// A connection string with an administrator's rights.
    public static func conninfo() async throws -> String { try await started.value }

    /// Every test that needs the server awaits it; it lasts as long as the process.
    private static let started = Task {
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
