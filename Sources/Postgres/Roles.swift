/// Who owns the schema of some lines, and who works with it.
///
/// The owner may change the schema, and nobody need log in as it. The worker may do what the line's programs do, and nothing
/// else: no table of its own, no change to another one. Each line says what that is, by two functions in its schema:
/// `give_to(owner text)` and `lend_to(worker text)`; so an administrator with psql can call them as well.
///
/// ```swift
/// let roles = Roles(owner: "shoes_owner", worker: "shoes_worker")
/// try await roles.make(in: database)
/// try await Migrator(.messageQueue).run(on: database)
/// try await roles.assign(.messageQueue, in: database)
/// ```
public struct Roles: Sendable {
    /// Who owns the schemas; need not log in.
    public let owner: String
    /// As whom the programs log in.
    public let worker: String

    /// Names two roles, which need not be there yet.
    public init(owner: String, worker: String) {
        self.owner = owner
        self.worker = worker
    }

    /// Makes the roles that aren't there, and whoever asks a member of the owner. Safe to repeat.
    ///
    /// A worker that is made here may log in, and gets no password; an owner can't log in. Both may be let do what else they
    /// need. It takes a superuser, or a role with CREATEROLE; once both are there, a member of the owner is enough, or the owner.
    /// - Throws: ``Problem``, before anything is changed; or ``PostgresError``.
    public func make(in database: some DatabaseAccess) async throws {
        try await database.changeSchema { try make(in: $0) }
    }

    /// Makes the roles that aren't there, gives the schemas to the one and lends them to the other. Safe to repeat, and to be
    /// repeated after each migration. All of it happens, or none.
    ///
    /// What is the owner's already is not locked, so it can be repeated beside programs at work; the first time, each table is
    /// locked for a moment.
    /// - Throws: ``Problem``; or ``PostgresError``.
    public func assign(_ lines: MigrationLine..., in database: some DatabaseAccess) async throws {
        try await assign(lines, in: database)
    }

    /// The same for any number of lines.
    public func assign(_ lines: [MigrationLine], in database: some DatabaseAccess) async throws {
        try await database.changeSchema { session in
            try make(in: session)
            for line in lines { try give(line, in: session) }
        }
    }

    private func make(in session: borrowing Session) throws {
        try checkNames()
        try session.execute(Migrator.lock)
        let standing = try RoleStanding.read(self, in: session)
        try standing.check()
        for role in standing.missing { try session.script("CREATE ROLE \(role.name.asIdentifier) \(role.login)") }
        if !standing.isOwner { try join(standing.user, in: session) }
        try connect(in: session)
    }

    /// Whoever gives something to a role has to belong to it.
    private func join(_ user: String, in session: borrowing Session) throws {
        do {
            try session.script("GRANT \(owner.asIdentifier) TO \(user.asIdentifier)")
        } catch let error as PostgresError where error.isLackOfRights {
            throw Problem.stranger(user: user, owner: owner)
        }
    }

    /// Everybody may connect, unless somebody took that away.
    private func connect(in session: borrowing Session) throws {
        guard let database = try unreachable(in: session) else { return }
        let problem = Problem.shutOut(worker: worker, database: database)
        do {
            try session.script("GRANT CONNECT ON DATABASE \(database.asIdentifier) TO \(worker.asIdentifier)")
        } catch let error as PostgresError where error.isLackOfRights {
            throw problem
        }
        // Who may connect, and not let others, is only warned by the server.
        if try unreachable(in: session) != nil { throw problem }
    }

    /// The database's name, if the worker may not connect to it.
    private func unreachable(in session: borrowing Session) throws -> String? {
        try session.query(Self.unreachable, worker) { try $0[0, as: String.self] }.first
    }

    private func give(_ line: MigrationLine, in session: borrowing Session) throws {
        do {
            try session.execute(line.call("give_to"), owner)
            try session.execute(line.call("lend_to"), worker)
        } catch let error as PostgresError where error.isLackOfRights {
            throw Problem.refused(line: line.name, reason: error.message)
        } catch let error as PostgresError where ["42883", "3F000"].contains(error.sqlState) {
            throw Problem.unlendable(line: line.name, schema: line.schema)
        }
    }

    /// Longer ones are cut off by the server, and the rest is not for everybody.
    private func checkNames() throws(Problem) {
        for name in [owner, worker] {
            let isPossible = (1...63).contains(name.utf8.count) && !name.utf8.contains(0)
            let isReserved = name.hasPrefix("pg_") || ["public", "none"].contains(name)
            if !isPossible || isReserved { throw .badName(name) }
        }
        if owner == worker { throw .same(owner) }
    }

    private static let unreachable: Statement = """
        SELECT current_database()::text WHERE NOT has_database_privilege($1, current_database(), 'CONNECT')
        """
}

extension MigrationLine {
    fileprivate func call(_ function: String) -> Statement { Statement("SELECT \(quotedSchema).\(function)($1)") }
}

extension PostgresError {
    fileprivate var isLackOfRights: Bool { sqlState == "42501" }
}

extension String {
    /// As SQL names it, whatever is in it.
    var asIdentifier: String { "\"\(replacing("\"", with: "\"\""))\"" }
}
