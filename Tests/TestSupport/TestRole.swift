import Foundation
public import Postgres

/// A role of a test's own, which may log in and do what everybody may.
public enum TestRole {
    /// Lends the role's name and its way into the database, then drops the role with all that it owns there.
    public static func with<T: Sendable>(
        in database: Database, _ body: (_ name: String, _ role: Database) async throws -> T
    ) async throws -> T {
        let name = "role_\(UUID().uuidString.lowercased().replacing("-", with: "_"))"
        try await database.script("CREATE ROLE \(name) LOGIN")
        var options = DatabaseOptions()
        options.connectionLimit = 4
        // Of a key that is given twice, libpq takes the second.
        let role = Database(database.conninfo + " user='\(name)'", options: options, logger: TestDatabase.quiet)
        let outcome: Result<T, any Error>
        do { outcome = .success(try await body(name, role)) } catch { outcome = .failure(error) }
        await role.close()
        try await database.script("REASSIGN OWNED BY \(name) TO CURRENT_USER; DROP OWNED BY \(name); DROP ROLE \(name)")
        return try outcome.get()
    }
}
