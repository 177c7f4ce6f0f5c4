import Foundation
public import Postgres

/// A database of a test's own, on a server that you name: migrated once, then copied for each test.
///
/// ```swift
/// try await ScratchDatabase.with(server: "host=localhost user=postgres", migrations: [.messageQueue, own]) { database in
///     let test = TestBroker(Broker(database))
/// }
/// ```
/// The first test migrates a template, which stays on the server for the next run; every other one copies files, in a few
/// hundredths of a second. Other migrations make another template. The server's user must be allowed to create databases.
public enum ScratchDatabase {
    /// Lends a fresh copy to `body`, and drops it afterwards, whatever happened.
    ///
    /// - Parameters:
    ///   - server: where any existing database of the server can be reached, as `key=value` pairs or as a URI.
    ///   - migrations: what the database is made of, in this order.
    ///   - options: of the connections to the copy.
    ///   - body: what to do with the copy.
    /// - Returns: what `body` returns.
    public static func with<T: Sendable>(
        server: String, migrations: [MigrationLine], options: DatabaseOptions = .init(),
        _ body: (Database) async throws -> T
    ) async throws -> T {
        let template = try await template(migrations, on: server)
        let name = "mq_scratch_\(UUID().uuidString.lowercased().replacing("-", with: "_"))"
        try await administer(server) { try await $0.script("CREATE DATABASE \(name) TEMPLATE \(template)") }
        let database = Database(conninfo(server, name), options: options)
        let outcome: Result<T, any Error>
        do { outcome = .success(try await body(database)) } catch { outcome = .failure(error) }
        await database.close()
        try await administer(server) { try await $0.script("DROP DATABASE \(name) WITH (FORCE)") }
        return try outcome.get()
    }

    /// Made under another name first: a template that is there is complete, whoever was killed while making it.
    private static func template(_ migrations: [MigrationLine], on server: String) async throws -> String {
        let steps = migrations.flatMap { line in line.migrations.map { "\(line.name) \($0.number) \($0.checksum)" } }
        let content = steps.joined(separator: ",")
        let name = "mq_template_\(Migration(number: 0, name: "", sql: content).checksum)"
        try await administer(server) { session in
            try await session.execute("SELECT pg_advisory_lock(hashtextextended('message-queue-testing', 0))")
            guard try await session.execute("SELECT FROM pg_database WHERE datname = $1", name) == 0 else { return }
            try await session.script("DROP DATABASE IF EXISTS \(name)_unfinished WITH (FORCE)")
            try await session.script("CREATE DATABASE \(name)_unfinished")
            let database = Database(conninfo(server, "\(name)_unfinished"))
            let outcome: Result<[String], any Error>
            do { outcome = .success(try await Migrator(migrations).run(on: database)) } catch {
                outcome = .failure(error)
            }
            await database.close()
            _ = try outcome.get()
            try await session.script("ALTER DATABASE \(name)_unfinished RENAME TO \(name)")
        }
        return name
    }

    /// One connection, so that a lock of its session lasts until the end.
    private static func administer<T: Sendable>(
        _ server: String, _ body: (Connection) async throws -> T
    ) async throws -> T {
        var options = DatabaseOptions()
        // Files are copied, and one waits for another's template.
        options.connection.silenceLimit = .seconds(600)
        let database = Database(server, options: options)
        let connection = try await database.dedicatedConnection(named: "scratch-database")
        let outcome: Result<T, any Error>
        do { outcome = .success(try await body(connection)) } catch { outcome = .failure(error) }
        await connection.close()
        return try outcome.get()
    }

    /// Of a key that is given twice, libpq takes the second; in a URI, the path names the database.
    private static func conninfo(_ server: String, _ name: String) -> String {
        guard server.contains("://"), var uri = URLComponents(string: server) else {
            return server + " dbname='\(name)'"
        }
        uri.path = "/\(name)"
        return uri.string ?? server
    }
}
