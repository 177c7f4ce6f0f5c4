extension Roles {
    /// Why roles can't be made or assigned, with the way out.
    public enum Problem: Error, CustomStringConvertible, Equatable {
        /// PostgreSQL doesn't let a role have this name, or cuts it off.
        case badName(String)
        /// Owner and worker are the same role.
        case same(String)
        /// These roles aren't there, and whoever asks may not make them.
        case missing([String], user: String)
        /// Whoever asks is not a member of the owner, and may not become one.
        case stranger(user: String, owner: String)
        /// The worker may do more than a worker should, whatever is lent to it.
        case tooPowerful(worker: String, reason: String)
        /// The worker may not connect to the database.
        case shutOut(worker: String, database: String)
        /// A line's schema isn't there, or has no functions by which it is given and lent.
        case unlendable(line: String, schema: String)
        /// Whoever asks may not give this line's schema away.
        case refused(line: String, reason: String)

        /// What is wrong, and what to do about it.
        public var description: String {
            switch self {
            case .badName(let name):
                "\"\(name)\" can't be a role's name: it has 1 to 63 bytes, does not begin with pg_, and is not public or none"
            case .same(let name):
                "\(name) can't be both owner and worker: the owner may change the schema, and the worker may not"
            case .missing(let statements, let user):
                "role \(user) may not create roles: an administrator says \(statements.joined(separator: "; "))"
            case .stranger(let user, let owner):
                "role \(user) can't give anything to \(owner), of which it is no member: "
                    + "an administrator says GRANT \(owner.asIdentifier) TO \(user.asIdentifier)"
            case .tooPowerful(let worker, let reason):
                "role \(worker) \(reason), so it can't be limited to a worker's rights: name another worker, or take that from it"
            case .shutOut(let worker, let database):
                "role \(worker) may not connect to this database: "
                    + "its owner says GRANT CONNECT ON DATABASE \(database.asIdentifier) TO \(worker.asIdentifier)"
            case .unlendable(let line, let schema):
                "\(line) can't be given to an owner or lent to a worker: it has no functions \(schema).give_to(text) and "
                    + "\(schema).lend_to(text), which a migration of its own has to make"
            case .refused(let line, let reason):
                "\(line) can't be given to its owner: \(reason); whom it belongs to, or a superuser, can do that"
            }
        }
    }
}
