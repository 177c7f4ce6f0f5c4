import Foundation
import Logging
public import Postgres
import Synchronization

/// What a test finds in its database.
public struct Template: Sendable {
    let name: String
    let migrations: [MigrationLine]
    let fill: @Sendable (Database) async throws -> Void

    /// - Parameters:
    ///   - name: the same name always means the same content within one test process.
    ///   - fill: runs once, after the migrations.
    public init(
        _ name: String, migrations: [MigrationLine] = [],
        fill: @escaping @Sendable (Database) async throws -> Void = { _ in }
    ) {
        self.name = name
        self.migrations = migrations
        self.fill = fill
    }

    /// Puts the content into a database that a test made itself.
    public func prepare(_ database: Database) async throws {
        try await Migrator(migrations).run(on: database)
        try await fill(database)
    }

    /// A database with nothing in it.
    public static let empty = Template("empty")
}

/// The way from a test to its database.
public enum Route: Sendable {
    case direct
    case pooler
    /// The pooler, and the server itself for connections that need a session.
    case poolerAndDirect
}

/// A database of a test's own, on a real server.
///
/// ```swift
/// try await TestDatabase.with(.empty) { database in
///     try await database.script("CREATE TABLE shoe (size int)")
/// }
/// ```
public enum TestDatabase {
    /// Copies the template, which is made only once, lends the copy to `body`, and drops it afterwards. Begins when the
    /// server has room for it; see ``ConnectionBudget``.
    public static func with<T: Sendable>(
        _ template: Template, through route: Route = .direct, options: DatabaseOptions = .init(),
        _ body: (Database) async throws -> T
    ) async throws -> T {
        try await ConnectionBudget.spend { try await copy(template, through: route, options, body) }
    }

    /// Lends a database with nothing in it that keeps its text in another encoding than UTF8, and drops it afterwards.
    public static func with<T: Sendable>(
        encoding: String, _ body: (Database) async throws -> T
    ) async throws -> T {
        try await ConnectionBudget.spend {
            let name = fresh()
            try await administer {
                try await $0.script("CREATE DATABASE \(name) ENCODING '\(encoding)' LOCALE 'C' TEMPLATE template0")
            }
            return try await lend(name, through: .direct, .init(), body)
        }
    }

    private static func copy<T: Sendable>(
        _ template: Template, through route: Route, _ options: DatabaseOptions, _ body: (Database) async throws -> T
    ) async throws -> T {
        let source = try await Templates.shared.name(of: template)
        let name = fresh()
        try await administer { try await $0.script("CREATE DATABASE \(name) TEMPLATE \(source)") }
        return try await lend(name, through: route, options, body)
    }

    private static func fresh() -> String { "test_\(UUID().uuidString.lowercased().replacing("-", with: "_"))" }

    private static func lend<T: Sendable>(
        _ name: String, through route: Route, _ options: DatabaseOptions, _ body: (Database) async throws -> T
    ) async throws -> T {
        let database = try await connect(to: name, through: route, options)
        do {
            let value = try await body(database)
            try await drop(database, name)
            return value
        } catch {
            try await drop(database, name)
            throw error
        }
    }

    /// Drops the database beneath whoever uses it, and makes another one of the same name from a template.
    public static func makeAnew(_ name: String, from template: Template) async throws {
        let source = try await Templates.shared.name(of: template)
        try await administer { try await $0.script("DROP DATABASE \(name) WITH (FORCE)") }
        try await administer { try await $0.script("CREATE DATABASE \(name) TEMPLATE \(source)") }
    }

    private static func connect(
        to name: String, through route: Route, _ options: DatabaseOptions
    ) async throws -> Database {
        var options = options
        options.takeTime()
        if route == .poolerAndDirect { options.directConninfo = try await conninfo(name) }
        let address = try await route == .direct ? conninfo(name) : TestPooler.shared().conninfo(name)
        return Database(address, options: options, logger: quiet)
    }

    static func conninfo(_ name: String) async throws -> String {
        // Of a key that is given twice, libpq takes the second.
        try await TestServer.conninfo() + " dbname='\(name)'"
    }

    static func administer<T: Sendable>(_ body: (Database) async throws -> T) async throws -> T {
        var options = DatabaseOptions()
        options.takeTime()
        return try await Database.open(try await TestServer.conninfo(), options: options, logger: quiet, body)
    }

    static var quiet: Logger {
        var logger = Logger(label: "tests")
        logger.logLevel = .error
        return logger
    }

    private static func drop(_ database: Database, _ name: String) async throws {
        await database.close()
        try await administer { try await $0.script("DROP DATABASE \(name) WITH (FORCE)") }
    }
}

/// Makes each template once, however many tests ask for it at the same time.
private final class Templates: Sendable {
    static let shared = Templates()
    private let making = Mutex<[String: Task<String, any Error>]>([:])

    func name(of template: Template) async throws -> String {
        try await making.withLock { making in
            if let known = making[template.name] { return known }
            // Awaited by every test that asks for the template.
            let task = Task { try await Self.make(template) }
            making[template.name] = task
            return task
        }.value
    }

    private static func make(_ template: Template) async throws -> String {
        let run = ProcessInfo.processInfo.processIdentifier
        let name = "template_\(template.name.map { $0.isLetter || $0.isNumber ? "\($0)" : "_" }.joined())_\(run)"
        try await TestDatabase.administer { try await $0.script("DROP DATABASE IF EXISTS \(name)") }
        try await TestDatabase.administer { try await $0.script("CREATE DATABASE \(name)") }
        let database = Database(try await TestDatabase.conninfo(name), logger: TestDatabase.quiet)
        try await template.prepare(database)
        await database.close()
        return name
    }
}

extension DatabaseOptions {
    /// A slow machine with many tests at once is no server that says nothing.
    mutating func takeTime() {
        let patience = Duration.seconds(120)
        connection.silenceLimit = max(connection.silenceLimit, patience)
        connection.connectTimeout = max(connection.connectTimeout, patience)
    }
}
