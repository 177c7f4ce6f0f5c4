import Foundation
import Postgres
import TestSupport

/// A database of the test's own.
enum Bench {
    static func with<T: Sendable>(
        _ template: Template = .empty, through route: Route = .direct, limit: Int = 8, waiters: Int = 4096,
        waitLimit: Duration = .seconds(30),
        _ body: (Database) async throws -> T
    ) async throws -> T {
        var options = DatabaseOptions()
        options.connectionLimit = limit
        options.waiterLimit = waiters
        options.waitLimit = waitLimit
        return try await TestDatabase.with(template, through: route, options: options, body)
    }
}

/// The error that `action` throws, or nil.
func failure<T>(of action: () async throws -> T) async -> PostgresError? {
    do {
        _ = try await action()
        return nil
    } catch { return error as? PostgresError }
}

extension DatabaseAccess {
    func one<T: PostgresDecodable & Sendable>(_ statement: Statement, as type: T.Type = T.self)
        async throws -> T
    {
        guard let value = try await query(statement, row: { try $0[0, as: T.self] }).first else {
            throw NeverHappened(description: "no row: \(statement.sql)")
        }
        return value
    }

    func number(_ statement: Statement) async throws -> Int { try await one(statement) }
    func holds(_ statement: Statement) async throws -> Bool { try await one(statement) }
    func backend() async throws -> Int32 { try await one("SELECT pg_backend_pid()") }
}

extension Statement {
    /// Ends every session of the database, its own last.
    static let endOfAll: Statement = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() ORDER BY pid = pg_backend_pid()
        """
}
