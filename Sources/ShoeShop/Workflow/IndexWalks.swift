import Postgres

extension Session {
    /// Makes the planner find rows by their index in this transaction.
    ///
    /// A plan made while a table was nearly empty reads all of it, stays cached on the connection, and would be used
    /// until the next `ANALYZE`: a minute into the first rush, each small batch would read every order.
    borrowing func walkIndexes() { pipeline(Self.walkIndexes) }

    private static let walkIndexes: Statement = "SELECT set_config('enable_seqscan', 'off', true)"
}
