extension Migrator {
    /// Why a migration can't be applied, or a program doesn't fit the schema.
    public enum Problem: Error, CustomStringConvertible, Equatable {
        /// The database lacks migrations that the program needs.
        case behind(line: String, version: Int, needed: Int, missing: [String])
        /// The database has a migration with which programs as old as this one don't work.
        case ahead(line: String, version: Int, worksWith: Int, program: Int)
        /// A migration was edited after it had been applied.
        case changed(String)
        /// The migration looked at the database and said no, or this role may not do what it does.
        case refused(String, reason: String)
        /// The table in which migrations are recorded is somebody else's.
        case occupied(String)
        /// The database keeps text in another encoding than UTF8.
        case encoding(String)

        /// What is wrong, and what to do about it.
        public var description: String {
            switch self {
            case .behind(let line, let version, let needed, let missing):
                "the database has version \(version) of \(line), and this program needs version \(needed): "
                    + "apply \(missing.joined(separator: ", "))"
            case .ahead(let line, let version, let worksWith, let program):
                "the database has version \(version) of \(line), which works with programs of version \(worksWith) and newer, "
                    + "and this program is version \(program): use a newer program"
            case .changed(let name):
                "migration \(name) was edited after it had been applied here; put the old text back and add a new migration"
            case .refused(let name, let reason): "migration \(name) can't be applied here: \(reason)"
            case .occupied(let table):
                "the table \(table), in which migrations are recorded, is there already and is something else's: "
                    + "give that another name, or this line another schema"
            case .encoding(let name):
                "the database keeps text as \(name), and must keep it as UTF8: make it anew with ENCODING 'UTF8' TEMPLATE template0"
            }
        }

        /// Whether a migration would help, and not another program.
        public var isBehind: Bool {
            if case .behind = self { true } else { false }
        }

        /// What a migration raises by itself, what a role lacks rights for, and a schema that nobody has made.
        static let refusals: Set<String> = ["P0001", "42501", missingSchema]
        static let missingSchema = "3F000"
    }
}

/// What a database says was applied of a line.
struct MigrationRecords {
    struct Record: Sendable {
        let number: Int
        let worksWith: Int
        /// Nil when it was applied by other means than a ``Migrator``.
        let checksum: String?
    }

    private let line: MigrationLine
    private let records: [Record]

    var isEmpty: Bool { records.isEmpty }
    var version: Int { records.map(\.number).max() ?? 0 }

    subscript(migration: Migration) -> Record? { records.first { $0.number == migration.number } }

    /// Within a transaction, which a query for a table that isn't there would spoil.
    static func read(of line: MigrationLine, in session: borrowing Session) throws -> MigrationRecords {
        let columns = try session.query(Self.columns, line.schema) { try $0[0, as: Int.self] }
        switch columns.first {
        case nil: return MigrationRecords(line: line, records: [])
        case 5: return MigrationRecords(line: line, records: try session.query(line.known, line.name, row: Self.record))
        default: throw Migrator.Problem.occupied(line.table)
        }
    }

    /// By one statement, mostly: readiness asks often.
    static func read(of line: MigrationLine, on database: some DatabaseAccess) async throws -> MigrationRecords {
        do {
            return MigrationRecords(
                line: line, records: try await database.read(line.known, line.name, row: Self.record))
        } catch let error as PostgresError where ["42P01", "3F000"].contains(error.sqlState) {
            return MigrationRecords(line: line, records: [])
        } catch let error as PostgresError where error.sqlState == "42703" {
            throw Migrator.Problem.occupied(line.table)
        }
    }

    /// What is there must be what the program knows, or what it can live with.
    func check() throws(Migrator.Problem) {
        for migration in line.migrations {
            guard let checksum = self[migration]?.checksum else { continue }
            if checksum != migration.checksum { throw .changed(migration.name) }
        }
        let newer = records.filter { $0.number > line.version }
        if let worksWith = newer.map(\.worksWith).max(), worksWith > line.version {
            throw .ahead(line: line.name, version: version, worksWith: worksWith, program: line.version)
        }
    }

    func checkIsEnough() throws(Migrator.Problem) {
        let missing = line.migrations.filter { $0.number <= line.needs && self[$0] == nil }
        if missing.isEmpty { return }
        throw .behind(line: line.name, version: version, needed: line.needs, missing: missing.map(\.name))
    }

    private static func record(_ row: borrowing Row) throws -> Record {
        Record(number: try row[0], worksWith: try row[1], checksum: try row[2])
    }

    /// Of the table, if there is one, how many of the columns that it must have. Needs no rights.
    private static let columns: Statement = """
        SELECT count(*) FILTER (WHERE a.attname IN ('line', 'number', 'name', 'works_with', 'checksum'))
        FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'migrations'
        JOIN pg_attribute a ON a.attrelid = c.oid WHERE n.nspname = $1 GROUP BY c.oid
        """
}

extension MigrationLine {
    var table: String { "\(quotedSchema).migrations" }

    var quotedSchema: String { schema.asIdentifier }

    /// As the lines' own files make it, when they are applied by other means.
    var makeRecords: String {
        """
        DO $make$ BEGIN
            IF to_regnamespace('\(quotedSchema.replacing("'", with: "''"))') IS NULL THEN CREATE SCHEMA \(quotedSchema); END IF;
        END $make$;
        CREATE TABLE IF NOT EXISTS \(table) (
            line text NOT NULL, number int NOT NULL, name text NOT NULL, works_with int NOT NULL, checksum text,
            applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (line, number))
        """
    }

    var known: Statement {
        Statement("SELECT number, works_with, checksum FROM \(table) WHERE line = $1 ORDER BY number")
    }

    var record: Statement {
        Statement(
            """
            INSERT INTO \(table) (line, number, name, works_with, checksum) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (line, number) DO UPDATE SET checksum = excluded.checksum
            """)
    }

    var noteChecksum: Statement { Statement("UPDATE \(table) SET checksum = $3 WHERE line = $1 AND number = $2") }
}
