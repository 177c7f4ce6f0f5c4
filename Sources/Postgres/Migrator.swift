/// Brings a database to the newest schema of some lines, forward only, and tells whether a program fits the schema.
///
/// What else is in the database is none of its business: other lines, with a migrator of their own or applied by any
/// other tool, live beside these.
public struct Migrator: Sendable {
    /// What it applies, in this order.
    public let lines: [MigrationLine]

    /// A migrator of these lines, applied in this order.
    public init(_ lines: [MigrationLine]) { self.lines = lines }

    /// A migrator of these lines, applied in this order.
    public init(_ lines: MigrationLine...) { self.init(lines) }

    /// Applies what is missing, line by line, each migration in a transaction of its own, one migrator at a time. Safe to repeat,
    /// and beside programs at work: of a migration and a program that wait for each other the server ends one; the migration is
    /// then tried again.
    ///
    /// What was applied by other means, such as psql, and recorded itself, is known as applied.
    /// - Returns: the names of the migrations applied now.
    /// - Throws: ``Problem``, or ``PostgresError``.
    @discardableResult
    public func run(on database: some DatabaseAccess) async throws -> [String] {
        try await refuseOtherEncoding(database)
        var applied: [String] = []
        for line in lines {
            for migration in line.migrations where try await apply(migration, of: line, to: database) {
                applied.append(migration.name)
            }
        }
        return applied
    }

    /// Makes sure that this program works with the schema, without changing anything.
    ///
    /// - Throws: ``Problem``, with both versions and what to do about it.
    public func verify(on database: some DatabaseAccess) async throws {
        for line in lines {
            let records = try await MigrationRecords.read(of: line, on: database)
            try records.check()
            try records.checkIsEnough()
        }
    }

    /// The number of the newest migration of a line that the database has; zero for none.
    public static func version(of line: MigrationLine, on database: some DatabaseAccess) async throws -> Int {
        try await MigrationRecords.read(of: line, on: database).version
    }

    /// Answers false when it had been applied before.
    private func apply(_ migration: Migration, of line: MigrationLine, to database: some DatabaseAccess) async throws
        -> Bool
    {
        do {
            return try await database.changeSchema { session in
                try session.execute(Self.lock)
                let records = try MigrationRecords.read(of: line, in: session)
                try records.check()
                if let record = records[migration] {
                    if record.checksum == nil {
                        session.pipeline(line.noteChecksum, line.name, migration.number, migration.checksum)
                    }
                    return false
                }
                try Self.apply(migration, of: line, isFirst: records.isEmpty, in: session)
                return true
            }
        } catch let error as PostgresError where Problem.refusals.contains(error.sqlState ?? "") {
            let wayOut = error.sqlState == Problem.missingSchema ? line.wayToItsSchema : error.hint
            throw Problem.refused(
                migration.name, reason: [error.message, wayOut].compactMap(\.self).joined(separator: ". "))
        }
    }

    private static func apply(
        _ migration: Migration, of line: MigrationLine, isFirst: Bool, in session: borrowing Session
    ) throws {
        var predecessor: MigrationLine.Predecessor?
        if isFirst, let before = line.predecessor,
            try session.query(before.isThere, row: { try $0[0, as: Bool.self] }) == [true]
        {
            predecessor = before
        }
        if let predecessor { try session.script(predecessor.setAside) }
        try session.script(migration.sql)
        if let predecessor { try session.script(predecessor.bringOver) }
        try session.script(line.makeRecords)
        session.pipeline(
            line.record, line.name, migration.number, migration.name, migration.worksWith, migration.checksum)
    }

    /// What others store as text would come back as something else.
    private func refuseOtherEncoding(_ database: some DatabaseAccess) async throws {
        let encodings = try await database.query("SELECT current_setting('server_encoding')") {
            try $0[0, as: String.self]
        }
        if let encoding = encodings.first, encoding != "UTF8" { throw Problem.encoding(encoding) }
    }

    /// "shoe" in ASCII; one migrator of a database at a time.
    static let lock: Statement = "SELECT pg_advisory_xact_lock(1936224101)"
}

extension DatabaseAccess {
    /// One transaction that changes the schema beneath programs at work. A deadlock with one of them is no reason to give up.
    func changeSchema<T: Sendable>(_ body: @Sendable (borrowing Session) throws -> T) async throws -> T {
        // For others who are at it, too: tables may be rewritten.
        let limit = Duration.seconds(3600)
        for _ in 1..<10 {
            do {
                return try await write(within: limit, body)
            } catch let error as PostgresError where error.isDeadlock {
                continue
            }
        }
        return try await write(within: limit, body)
    }
}

extension PostgresError {
    fileprivate var isDeadlock: Bool { sqlState == "40P01" }
}
