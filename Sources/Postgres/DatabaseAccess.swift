/// Transactions and single statements, over a pool (``Database``) or one connection (``Connection``).
public protocol DatabaseAccess: Sendable {
    /// Runs `body` on a connection's own thread, in a transaction block or with each statement on its own.
    ///
    /// - Parameters:
    ///   - isTransaction: whether it is one transaction; otherwise each statement commits by itself.
    ///   - limit: the longest that it may take; nil for as long as the server lets something be heard, see
    ///     ``ConnectionOptions/silenceLimit``.
    ///   - body: runs on the connection's thread, and must not keep the session.
    func perform<T: Sendable>(
        isTransaction: Bool, within limit: Duration?, _ body: @Sendable (borrowing Session) throws -> T
    ) async throws -> T
}

extension DatabaseAccess {
    /// Runs `body` in a READ COMMITTED transaction: committed when it returns, rolled back when it throws.
    ///
    /// - Parameters:
    ///   - limit: the longest that it may take, waiting for a connection included; nil for as long as the server lets something
    ///     be heard, see ``ConnectionOptions/silenceLimit``. When it passes, or the calling task is cancelled, the running
    ///     statement is cancelled, the transaction rolled back, and the connection kept. A COMMIT is never cancelled: it has a
    ///     second more, and then its connection is given up.
    ///   - body: reads and writes through the session, on the connection's own thread.
    /// - Throws: what `body` throws, or ``PostgresError``; `outcomeUnknown` when the COMMIT was not confirmed.
    @discardableResult
    public func write<T: Sendable>(
        within limit: Duration? = nil, _ body: @Sendable (borrowing Session) throws -> T
    ) async throws -> T {
        try await perform(isTransaction: true, within: limit, body)
    }

    /// Runs one statement on its own and turns each row into a value. For one without effects, see ``read(_:_:within:row:)``.
    @inlinable
    public func query<each P: PostgresEncodable, T: Sendable>(
        _ statement: Statement, _ values: repeat each P, within limit: Duration? = nil,
        row: @Sendable (borrowing Row) throws -> T
    ) async throws -> [T] {
        let bound = BoundStatement(statement, repeat each values)
        return try await perform(isTransaction: false, within: limit) { try $0.query(bound, row: row) }
    }

    /// Runs one statement that changes nothing and turns each row into a value.
    ///
    /// - Precondition: the statement has no effect, not even by a function that it calls. Nobody checks that.
    /// - Throws: ``PostgresError``, but never of kind `outcomeUnknown`: what has no effect has no outcome to be unsure about. A
    ///   connection that breaks is `connectionLost`, and the same read may be run again.
    @inlinable
    public func read<each P: PostgresEncodable, T: Sendable>(
        _ statement: Statement, _ values: repeat each P, within limit: Duration? = nil,
        row: @Sendable (borrowing Row) throws -> T
    ) async throws -> [T] {
        do {
            return try await query(statement, repeat each values, within: limit, row: row)
        } catch let error as PostgresError where error.kind == .outcomeUnknown {
            throw PostgresError(.connectionLost, error.message)
        }
    }

    /// Runs one statement on its own and answers how many rows it touched.
    @discardableResult @inlinable
    public func execute<each P: PostgresEncodable>(
        _ statement: Statement, _ values: repeat each P, within limit: Duration? = nil
    ) async throws -> Int {
        let bound = BoundStatement(statement, repeat each values)
        return try await perform(isTransaction: false, within: limit) { try $0.execute(bound) }
    }

    /// Runs several statements separated by semicolons, outside of any transaction block.
    ///
    /// When the limit passes, or the calling task is cancelled, nothing is cancelled at the server: nobody knows which
    /// of them it is at, and a COMMIT never is. They have a second more, and then the connection is given up, while the
    /// server goes on with them. Statements that are to stop then belong in a transaction, see ``Session/script(_:)``.
    ///
    /// - Parameters:
    ///   - sql: the statements, which take no parameters.
    ///   - limit: the longest that all of them may take, waiting for a connection included; nil for as long as the
    ///     server lets something be heard, see ``ConnectionOptions/silenceLimit``.
    /// - Throws: ``PostgresError``; `outcomeUnknown` when the end of them was not confirmed.
    public func script(_ sql: String, within limit: Duration? = nil) async throws {
        try await perform(isTransaction: false, within: limit) { try $0.script(sql) }
    }
}
