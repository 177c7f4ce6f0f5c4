import Foundation
public import Postgres

/// Roles of a test's own.
public enum TestRole {
    /// Lends the name of a role that may log in, and its way into the database, then drops the role with all that it owns there.
    ///
    /// - Parameter rights: what it may beyond that, such as `CREATEROLE`. Without any, it may do what everybody may.
    public static func with<T: Sendable>(
        in database: Database, rights: String = "",
        _ body: (_ name: String, _ role: Database) async throws -> T
    ) async throws -> T {
        try await named(1, in: database) { names in
            try await database.script("CREATE ROLE \(names[0]) LOGIN \(rights)")
            return try await connected(as: names[0], to: database) { try await body(names[0], $0) }
        }
    }

    /// Lends names of roles that aren't there. Those that are there afterwards are dropped, with all that they own in the database.
    public static func named<T: Sendable>(
        _ count: Int, in database: Database, _ body: (_ names: [String]) async throws -> T
    ) async throws -> T {
        let names = (0..<count).map { _ in "role_\(UUID().uuidString.lowercased().replacing("-", with: "_"))" }
        let outcome: Result<T, any Error>
        do { outcome = .success(try await body(names)) } catch { outcome = .failure(error) }
        for name in names { try await drop(name, in: database) }
        return try outcome.get()
    }

    /// Lends a way into the database as a role that may log in.
    public static func connected<T: Sendable>(
        as name: String, to database: Database, _ body: (_ role: Database) async throws -> T
    ) async throws -> T {
        // Of a key that is given twice, libpq takes the second.
        let role = Database(
            database.conninfo + " user='\(name)'", options: database.options, logger: TestDatabase.quiet)
        let outcome: Result<T, any Error>
        do { outcome = .success(try await body(role)) } catch { outcome = .failure(error) }
        await role.close()
        return try outcome.get()
    }

    private static func drop(_ name: String, in database: Database) async throws {
        let isThere = try await database.query("SELECT FROM pg_roles WHERE rolname = $1", name) { _ in true }
        if isThere.isEmpty { return }
        try await database.script("REASSIGN OWNED BY \(name) TO CURRENT_USER; DROP OWNED BY \(name); DROP ROLE \(name)")
    }
}
