import Foundation

/// One numbered step of the schema, as plain SQL.
public struct Migration: Sendable {
    public let number: Int
    public let name: String
    public let sql: String

    public init(number: Int, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
    }

    /// FNV-1a over the text: enough to notice that a file was edited after it had been applied.
    public var checksum: String {
        let hash = sql.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}

/// Brings a database to the newest schema, forward only.
public struct Migrator: Sendable {
    public let migrations: [Migration]

    public init(_ migrations: [Migration]) { self.migrations = migrations.sorted { $0.number < $1.number } }

    public enum Problem: Error, CustomStringConvertible, Equatable {
        case changed(String)
        case unknown(Int)
        case missing([String])

        public var description: String {
            switch self {
            case .changed(let name):
                "migration \(name) was edited after it had been applied here; put the old text back and add a new migration"
            case .unknown(let number):
                "the database has migration \(number), which this program doesn't know: use the newer program"
            case .missing(let names):
                "the database lacks \(names.joined(separator: ", ")); run: shoeshop migrate"
            }
        }
    }

    /// Applies what is missing, each migration in a transaction of its own, one migrator at a time.
    ///
    /// - Returns: the names of the migrations applied now.
    /// - Throws: ``Problem`` when the database has other migrations, or ``PostgresError``.
    @discardableResult
    public func run(on database: some DatabaseAccess) async throws -> [String] {
        var applied: [String] = []
        for migration in migrations where try await apply(migration, to: database) { applied.append(migration.name) }
        return applied
    }

    /// Answers false when it had been applied before.
    private func apply(_ migration: Migration, to database: some DatabaseAccess) async throws -> Bool {
        try await database.write { session in
            try session.execute(Self.lock)
            try session.script(Self.table)
            let known = try session.query(Self.known, row: Self.record)
            try check(known)
            guard !known.contains(where: { $0.number == migration.number }) else { return false }
            try session.script(migration.sql)
            session.pipeline(Self.record, migration.number, migration.name, migration.checksum)
            return true
        }
    }

    /// Makes sure that the schema is the one this program was made for, without changing anything.
    ///
    /// - Throws: ``Problem``, with what to do about it.
    public func verify(on database: some DatabaseAccess) async throws {
        let exists = try await database.query("SELECT to_regclass('public.applied_migrations') IS NOT NULL") { row in
            try row[0, as: Bool.self]
        }
        guard exists == [true] else { throw Problem.missing(migrations.map(\.name)) }
        let known = try await database.query(Self.known, row: Self.record)
        try check(known)
        let missing = migrations.filter { migration in !known.contains { $0.number == migration.number } }
        if !missing.isEmpty { throw Problem.missing(missing.map(\.name)) }
    }

    private func check(_ known: [Record]) throws {
        for record in known {
            guard let migration = migrations.first(where: { $0.number == record.number }) else {
                throw Problem.unknown(record.number)
            }
            if migration.checksum != record.checksum { throw Problem.changed(migration.name) }
        }
    }

    private struct Record: Sendable {
        let number: Int
        let checksum: String
    }

    private static func record(_ row: borrowing Row) throws -> Record {
        Record(number: try row[0], checksum: try row[1])
    }

    /// "shoe" in ASCII; one migrator of a database at a time.
    private static let lock: Statement = "SELECT pg_advisory_xact_lock(1936224101)"
    private static let table = """
        CREATE TABLE IF NOT EXISTS public.applied_migrations (
            number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now())
        """
    private static let known: Statement = "SELECT number, checksum FROM public.applied_migrations ORDER BY number"
    private static let record: Statement = """
        INSERT INTO public.applied_migrations (number, name, checksum) VALUES ($1, $2, $3)
        """
}
