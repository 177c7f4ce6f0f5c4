import Postgres

/// Who holds a lock on the library's tables.
public struct LockHolder: Sendable, Codable, Equatable {
    /// The server process; nil for a prepared transaction, which has none.
    public let process: Int32?
    /// What the session calls itself, such as `pg_dump`, or the name of the prepared transaction.
    public let name: String
    /// As whom it is logged in.
    public let role: String?
    /// The age of its transaction, in seconds of the database's clock; nil where one may not see it.
    public let heldFor: Double?
}

extension Broker {
    /// The sessions of this database in whose transactions something is locked that chores need, the oldest first: a dump, a long
    /// reader, a transaction that somebody forgot. No more than five.
    public func lockHolders() async throws -> [LockHolder] {
        try await database.read(Self.listLockHolders) { row in
            LockHolder(process: try row[0], name: try row[1], role: try row[2], heldFor: try row[3])
        }
    }

    /// Also any reader's lock counts: to drop a part of the log takes one that stands no other beside it.
    static let listLockHolders: Statement = """
        SELECT a.pid, coalesce(a.application_name, ''), a.usename::text, extract(epoch FROM now() - a.xact_start)::float8 AS held_for
        FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND EXISTS (
            SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted AND l.database = a.datid
              AND (l.locktype = 'relation' AND l.relation IN (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'mq'::regnamespace)
                OR l.locktype = 'advisory' AND l.classid = mq.lock_class()::oid AND l.objid = 0 AND l.objsubid = 2))
        UNION ALL
        SELECT NULL, p.gid, p.owner::text, extract(epoch FROM now() - p.prepared)::float8
        FROM pg_prepared_xacts p WHERE p.database = current_database()
        ORDER BY held_for DESC NULLS LAST LIMIT 5
        """
}
