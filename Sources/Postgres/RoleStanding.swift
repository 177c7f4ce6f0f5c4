/// How the two roles stand to each other, and to whoever asks.
struct RoleStanding: Sendable {
    let roles: Roles
    let user: String
    let mayMakeRoles: Bool
    let hasOwner: Bool
    let hasWorker: Bool
    /// Whoever asks acts with the owner's rights, and may give things to it.
    let isOwner: Bool
    /// What the worker is or may, and no worker should.
    let excess: String?

    var missing: [(name: String, login: String)] {
        (hasOwner ? [] : [(roles.owner, "NOLOGIN")]) + (hasWorker ? [] : [(roles.worker, "LOGIN")])
    }

    func check() throws(Roles.Problem) {
        if let excess { throw .tooPowerful(worker: roles.worker, reason: excess) }
        if !missing.isEmpty, !mayMakeRoles {
            throw .missing(missing.map { "CREATE ROLE \($0.name.asIdentifier) \($0.login)" }, user: user)
        }
    }

    static func read(_ roles: Roles, in session: borrowing Session) throws -> RoleStanding {
        let found = try session.query(standing, roles.owner, roles.worker) { row in
            RoleStanding(
                roles: roles, user: try row[0], mayMakeRoles: try row[1], hasOwner: try row[2], hasWorker: try row[3],
                isOwner: try row[4], excess: try row[5])
        }
        guard let standing = found.first else { throw PostgresError(.decoding, "no answer about roles") }
        return standing
    }

    /// From version 16 on, a role's maker is its administrator without having its rights: those it has to give itself.
    private static let standing: Statement = """
        SELECT me.rolname::text, me.rolsuper OR me.rolcreaterole, o.oid IS NOT NULL, w.oid IS NOT NULL,
            o.oid IS NOT NULL AND pg_has_role(o.oid, 'USAGE')
                AND CASE WHEN current_setting('server_version_num')::int < 160000 THEN true ELSE pg_has_role(o.oid, 'SET') END,
            CASE WHEN w.oid = me.oid THEN 'is the one that asks'
                WHEN w.rolsuper THEN 'is a superuser'
                WHEN w.rolcreaterole THEN 'may create roles'
                WHEN pg_has_role(w.oid, o.oid, 'MEMBER') THEN 'is a member of the owner'
                WHEN has_database_privilege(w.oid, current_database(), 'CREATE') THEN 'may create schemas in this database' END
        FROM pg_roles me LEFT JOIN pg_roles o ON o.rolname = $1 LEFT JOIN pg_roles w ON w.rolname = $2
        WHERE me.rolname = current_user
        """
}
