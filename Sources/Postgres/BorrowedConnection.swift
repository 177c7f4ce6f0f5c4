/// A connection of the pool, for the time of ``Database/withConnection(_:)``.
public struct BorrowedConnection: DatabaseAccess {
    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    /// See ``Connection/isPooled``.
    package var isPooled: Bool { get async { await connection.isPooled } }

    /// Ends the connection, so that nobody else gets it: something is left behind in its session.
    package func abandon() async { await connection.close() }

    /// Runs `body` on this connection.
    public func perform<T: Sendable>(
        isTransaction: Bool, within limit: Duration?, _ body: @Sendable (borrowing Session) throws -> T
    ) async throws -> T {
        try await connection.perform(isTransaction: isTransaction, within: limit, body)
    }
}
