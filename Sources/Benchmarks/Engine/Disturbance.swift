import Foundation
import Postgres
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// What goes on beside that which is measured.
public enum Disturbance: String, Sendable, CaseIterable {
    case none
    /// A process that computes all the time, so that one core is never idle.
    case busyCore
    /// Every commit waits for five milliseconds before it is flushed, as on a disk that is slow to answer.
    case slowDisk

    /// As figures are called that were measured beside it.
    var name: String {
        switch self {
        case .none: "alone"
        case .busyCore: "busy core"
        case .slowDisk: "slow disk"
        }
    }

    static let flushMicroseconds = 5000
}

extension Lab {
    /// Makes a database, and lends it to `body` while the disturbance goes on. Floors are to be measured in there, too.
    ///
    /// - Throws: ``BenchmarkFailure`` when the server's role may not slow its commits down.
    func withDatabase<T: Sendable>(
        beside disturbance: Disturbance, _ body: @escaping @Sendable (Database) async throws -> T
    ) async throws -> T {
        try await withDatabase(connections: 1) { made in
            if disturbance == .slowDisk { try await slowCommits(of: made) }
            // Settings of a database hold for connections that are made from now on.
            return try await Self.lend(made.conninfo, connections: 8) { database in
                guard disturbance == .busyCore else { return try await body(database) }
                return try await besideBusyCore { try await body(database) }
            }
        }
    }

    private func slowCommits(of database: Database) async throws {
        do {
            // The delay counts only beside so many other transactions: none need be there.
            for setting in ["commit_siblings = 0", "commit_delay = \(Disturbance.flushMicroseconds)"] {
                try await database.script(
                    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET \(setting)', current_database()); END $$")
            }
        } catch let error as PostgresError where error.sqlState == "42501" {
            throw BenchmarkFailure("only a superuser can slow commits down: \(error.message)")
        }
    }

    /// Lends a process that computes all the time.
    public func besideBusyCore<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        var platform = PlatformOptions()
        platform.processGroupID = processGroup
        let result = try await Subprocess.run(
            .path("/bin/sh"), arguments: ["-c", "while :; do :; done"], platformOptions: platform, input: .none,
            output: .discarded, error: .discarded
        ) { execution in
            let outcome: Result<T, any Error>
            do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
            try? execution.send(signal: .kill)
            return outcome
        }
        return try result.closureResult.get()
    }
}
