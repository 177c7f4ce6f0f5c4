import Foundation
import Logging
import MessageQueue
public import Postgres
import Synchronization

extension Lab {
    private static let made = Atomic<Int>(0)

    /// Makes a database with the engine's schema, lends it to `body` and drops it.
    public func withDatabase<T: Sendable>(
        connections: Int = 8, _ body: (Database) async throws -> T
    ) async throws -> T {
        let process = ProcessInfo.processInfo.processIdentifier
        let name = "shoeshop_bench_\(process)_\(Self.made.add(1, ordering: .relaxed).newValue)"
        try administer("CREATE DATABASE \(name)")
        // Also when cancelled; a bare connection doesn't ask.
        defer { try? administer("DROP DATABASE IF EXISTS \(name) WITH (FORCE)") }
        // Of a key that is given twice, libpq takes the second.
        return try await Self.lend("\(conninfo) dbname='\(name)'", connections: connections) { database in
            try await Migrator(.messageQueue).run(on: database)
            return try await body(database)
        }
    }

    /// Lends a pool that says nothing.
    static func lend<T: Sendable>(
        _ conninfo: String, connections: Int, _ body: (Database) async throws -> T
    ) async throws -> T {
        var options = DatabaseOptions()
        options.connectionLimit = connections
        // What is measured is not cut off.
        options.connection.silenceLimit = .seconds(3600)
        return try await Database.open(conninfo, options: options, logger: quiet, body)
    }

    static var quiet: Logger {
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        return logger
    }

    private func administer(_ sql: String) throws { try BareConnection(conninfo).execute(sql) }
}
