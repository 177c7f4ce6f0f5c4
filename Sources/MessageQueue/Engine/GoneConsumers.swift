package import Postgres

extension Broker {
    /// Consumers whose session-level lock is free: their process, or its connection, is gone. Trying the lock holds it for
    /// this transaction only. And those without a heartbeat for as long as they may be silent: stopped, or cut off.
    ///
    /// Asked often on the connection that listens, so it is also what notices that nothing comes through any more.
    package func findGone(except own: Int64, on database: some DatabaseAccess) async throws -> Gone {
        let found = try await database.query(Self.findGone, own, within: .seconds(5)) { row in
            (
                id: try row[0, as: Int64.self], holdsLock: try row[1, as: Bool.self],
                isUnlocked: try row[2, as: Bool.self], isSilent: try row[3, as: Bool.self]
            )
        }
        return Gone(
            unlocked: Set(found.filter(\.isUnlocked).map(\.id)), silent: Set(found.filter(\.isSilent).map(\.id)),
            lockless: Set(found.filter { !$0.holdsLock }.map(\.id)))
    }

    package struct Gone: Sendable {
        package let unlocked: Set<Int64>
        let silent: Set<Int64>
        /// Behind a pooler, where the heartbeat is the only sign of life.
        let lockless: Set<Int64>
    }

    static let findGone: Statement = """
        SELECT id, holds_lock, CASE WHEN holds_lock THEN pg_try_advisory_xact_lock(mq.lock_class(), id::int) ELSE false END,
            heartbeat_at < now() - make_interval(secs => lease_ms / 1000.0)
        FROM mq.consumers WHERE ended_at IS NULL AND id <> $1
        """

    /// All that these consumers held has been taken from them.
    package static let endConsumers: Statement =
        "UPDATE mq.consumers SET ended_at = now() WHERE id = ANY ($1) AND ended_at IS NULL"
}
