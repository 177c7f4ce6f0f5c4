/// One numbered step of a line, as plain SQL.
public struct Migration: Sendable {
    /// From 1 on, within its line.
    public let number: Int
    /// As people call it, and as it is recorded: mostly the file's name.
    public let name: String
    /// The oldest version of a program that goes on working once this migration is there.
    public let worksWith: Int
    /// Its statements, separated by semicolons; they run in one transaction.
    public let sql: String

    /// One step of a line.
    ///
    /// - Parameters:
    ///   - number: from 1 on, within its line.
    ///   - name: as people call it.
    ///   - worksWith: see ``worksWith``. A migration that only adds what older programs can do without says so by a smaller
    ///     number; by default only programs work with it that were made with it.
    ///   - sql: statements, separated by semicolons.
    public init(number: Int, name: String, worksWith: Int? = nil, sql: String) {
        self.number = number
        self.name = name
        self.worksWith = worksWith ?? number
        self.sql = sql
    }

    /// FNV-1a over the text: enough to notice that a file was edited after it had been applied.
    public var checksum: String {
        let hash = sql.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}

/// The migrations of one owner: the message queue's, an application's. Lines share a database and know nothing of each other.
///
/// ```swift
/// let own = MigrationLine("my-app", schema: "my_app", [Migration(number: 1, name: "0001_greetings", sql: "...")])
/// try await Migrator(.messageQueue, own).run(on: database)
/// ```
/// A program has a **version** of each line: the number of the newest migration that it was made with. It works with every
/// schema that has at least the migrations it ``needs``, and at most such as work with its version
/// (``Migration/worksWith``). So programs of two versions can run side by side while one takes the other's place.
public struct MigrationLine: Sendable {
    /// Whose migrations these are; unique in a database.
    public let name: String
    /// Where the record of what was applied is kept, as table `migrations`. The first migration makes it when its tables are
    /// to be there; otherwise it is made afterwards.
    public let schema: String
    /// In the order of their numbers.
    public let migrations: [Migration]
    /// The newest migration that the program can't do without.
    public let needs: Int
    package var predecessor: Predecessor?

    var wayToItsSchema: String {
        "A schema is made by the migration that is the first to use it: CREATE SCHEMA \(schema)"
    }

    /// A line of its own, with its own record of what was applied.
    ///
    /// - Parameters:
    ///   - name: whose migrations these are.
    ///   - schema: where the record of what was applied is kept.
    ///   - migrations: in any order.
    ///   - needs: by default the newest migration. A smaller number lets a program start before its own migrations have been
    ///     applied.
    public init(_ name: String, schema: String, _ migrations: [Migration], needs: Int? = nil) {
        self.name = name
        self.schema = schema
        self.migrations = migrations.sorted { $0.number < $1.number }
        self.needs = needs ?? self.migrations.last?.number ?? 0
    }

    /// The number of the newest migration; zero without any.
    public var version: Int { migrations.last?.number ?? 0 }

    /// What a database may hold in place of the line's first migration.
    package struct Predecessor: Sendable {
        /// Whether it is there.
        let isThere: Statement
        /// Runs before the first migration, and makes room for it.
        let setAside: String
        /// Runs after it, and moves in what was set aside.
        let bringOver: String

        package init(isThere: Statement, setAside: String, bringOver: String) {
            self.isThere = isThere
            self.setAside = setAside
            self.bringOver = bringOver
        }
    }
}
