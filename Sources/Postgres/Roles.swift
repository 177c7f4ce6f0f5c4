/// Who owns the schema of some lines, and who works with it.
///
/// The owner may change the schema, and nobody need log in as it. The worker may do what the line's programs do, and nothing
/// else: no table of its own, no change to another one. Each line says what that is, by two functions in its schema:
/// `give_to(owner text)` and `lend_to(worker text)`; so an administrator with psql can call them as well.
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

    /// Makes the roles that aren't there, gives the schemas to the one and lends them to the other. Safe to repeat, and to be
    /// repeated after each migration.
    ///
    /// The worker gets no password. Needs the right to create roles.
    public func assign(_ lines: MigrationLine..., in database: some DatabaseAccess) async throws {
        try await database.write(within: Migrator.limit) { session in
            try session.script(Self.make(owner, "NOLOGIN"))
            try session.script(Self.make(worker, "LOGIN"))
            for line in lines {
                try session.execute(line.call("give_to"), owner)
                try session.execute(line.call("lend_to"), worker)
            }
        }
    }

    /// Whoever gives something to a role has to belong to it; superusers do.
    private static func make(_ name: String, _ login: String) -> String {
        let role = "'\(name.replacing("'", with: "''"))'"
        return """
            DO $roles$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = \(role)) THEN EXECUTE format('CREATE ROLE %I \(login)', \(role)); END IF;
                IF NOT pg_has_role(\(role), 'MEMBER') THEN EXECUTE format('GRANT %I TO %I', \(role), current_user); END IF;
            END $roles$
            """
    }
}

extension MigrationLine {
    fileprivate func call(_ function: String) -> Statement { Statement("SELECT \(quotedSchema).\(function)($1)") }
}
