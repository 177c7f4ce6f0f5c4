/// Whether a connection has a server process to itself.
///
/// Behind a pooler in transaction mode it has one per transaction, which others had before and will have after. Nothing may
/// be left there: no setting, no prepared statement, no lock. So each transaction brings its settings along, in the round
/// trip that it makes anyway.
enum Tenure {
    /// Nobody has asked yet.
    case unknown
    case own
    /// What each transaction has to begin with.
    case shared(opening: [BoundStatement])
}

extension Channel {
    var isPooled: Bool { opening != nil }

    /// What goes ahead of each transaction's statements; nil where BEGIN will do.
    var opening: [BoundStatement]? { if case .shared(let opening) = tenure { opening } else { nil } }

    /// Finds out whose the session is, and makes these settings: for good where it is our own.
    ///
    /// A pooler answers the start of a connection itself, with a cancel key of its own make; the first half of that stands
    /// where the server tells its process number, so the two numbers differ. (PgBouncer, `welcome_client` in `src/proto.c`:
    /// the key is eight random bytes, sent as BackendKeyData.) In session mode they do, too; such a pooler is treated alike.
    ///
    /// Also a pooler tells of a server that became read-only, or is so no longer, only when that server is asked itself.
    ///
    /// - Throws: ``PostgresError`` of kind `connectionFailed`: a pooler may let us in while its server is away.
    func moveIn(with settings: [(name: String, value: String)], until deadline: ContinuousClock.Instant)
        throws(PostgresError)
    {
        interrupt = Interrupt(deadline: deadline, thread: thread)
        defer { interrupt = nil }
        var (process, isReadOnly, replicationRole): (Int32, Bool, String) = (0, false, "")
        let names = settings.map(\.name)
        let keep = BoundStatement(Self.keep, names, settings.map(\.value), backendPID)
        do {
            try exchange([BoundStatement(Self.place), keep]) { index, result in
                guard index == 0 else { return }
                let row = Row(result.rows, 0)
                (process, isReadOnly, replicationRole) = (try row[0], try row[1], try row[2])
            }
        } catch {
            let failure = error as? PostgresError
            if let failure, failure.kind == .server { throw failure }
            throw PostgresError(.connectionFailed, failure?.message ?? "\(error)")
        }
        if needsWrites, isReadOnly { throw Self.readOnly }
        if replicationRole == "replica", !names.contains(Self.replicationRole) { throw Self.replica }
        tenure = process == backendPID ? .own : .shared(opening: Self.opening(with: settings))
    }

    /// The isolation can't be set once a transaction has run a statement, so it travels with BEGIN. Keep-alives are a matter
    /// between the pooler and its server.
    private static func opening(with settings: [(name: String, value: String)]) -> [BoundStatement] {
        let isolation = settings.last { $0.name == "default_transaction_isolation" }?.value
        let others = settings.filter { $0.name != "default_transaction_isolation" && !$0.name.hasPrefix("tcp_") }
        let begin = BoundStatement(Statement("BEGIN" + (isolation.map { " ISOLATION LEVEL \($0)" } ?? "")))
        return [begin] + (others.isEmpty ? [] : [BoundStatement(borrow, others.map(\.name), others.map(\.value))])
    }

    private static var readOnly: PostgresError {
        var error = PostgresError(
            .connectionFailed,
            "the server is read-only: a standby, or default_transaction_read_only is on (target_session_attrs=any takes it)"
        )
        error.sqlState = "25006"
        return error
    }

    /// Not to be set by everybody, so it can't be pinned.
    private static let replicationRole = "session_replication_role"

    private static var replica: PostgresError {
        PostgresError(
            .connectionFailed,
            "neither triggers nor foreign keys count here: \(replicationRole) is replica, for the role or the database "
                + "(ALTER ROLE or ALTER DATABASE ... RESET \(replicationRole) ends that)")
    }

    /// During recovery every transaction is read-only.
    private static let place: Statement = """
        SELECT pg_backend_pid(), current_setting('transaction_read_only') = 'on', current_setting('session_replication_role')
        """
    private static let keep: Statement = """
        SELECT set_config(s.name, s.value, false) FROM unnest($1::text[], $2::text[]) AS s(name, value)
        WHERE pg_backend_pid() = $3
        """
    private static let borrow: Statement = """
        SELECT set_config(s.name, s.value, true) FROM unnest($1::text[], $2::text[]) AS s(name, value)
        """
}
