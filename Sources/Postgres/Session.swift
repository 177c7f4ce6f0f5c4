/// A transaction, lent to a synchronous closure on the connection's own thread.
///
/// It can't be copied, kept or awaited upon: when the closure returns, the transaction is committed; when it throws, or
/// the task is cancelled, it is rolled back.
public struct Session: ~Copyable {
    @usableFromInline let transaction: Transaction

    init(_ transaction: Transaction) { self.transaction = transaction }

    /// Runs a statement and turns each row into a value.
    @inlinable
    public borrowing func query<each P: PostgresEncodable, T>(
        _ statement: Statement, _ values: repeat each P, row: (borrowing Row) throws -> T
    ) throws -> [T] {
        try query(BoundStatement(statement, repeat each values), row: row)
    }

    @inlinable
    borrowing func query<T>(_ statement: BoundStatement, row: (borrowing Row) throws -> T) throws -> [T] {
        var answers: [T] = []
        try transaction.run(statement) { result in
            let rows = result.rows
            answers.reserveCapacity(rows.rowCount)
            for index in 0..<rows.rowCount { answers.append(try row(Row(rows, index))) }
        }
        return answers
    }

    /// Runs a statement and answers how many rows it touched.
    @discardableResult @inlinable
    public borrowing func execute<each P: PostgresEncodable>(
        _ statement: Statement, _ values: repeat each P
    ) throws -> Int {
        try execute(BoundStatement(statement, repeat each values))
    }

    @usableFromInline
    borrowing func execute(_ statement: BoundStatement) throws -> Int {
        var count = 0
        try transaction.run(statement) { count = $0.affectedRows }
        return count
    }

    /// Adds a statement whose result isn't needed: it travels with the next one that waits, or with COMMIT.
    ///
    /// A transaction of nothing but queued statements costs one round trip. A failing one fails the transaction.
    @inlinable
    public borrowing func pipeline<each P: PostgresEncodable>(_ statement: Statement, _ values: repeat each P) {
        transaction.pipeline(BoundStatement(statement, repeat each values))
    }

    /// Runs `action` once the transaction is committed, and never otherwise.
    public borrowing func afterCommit(_ action: @escaping @Sendable () -> Void) {
        transaction.afterCommit.append(action)
    }

    /// Says what it means when the server refuses a statement of this transaction: `explain` answers what is to be thrown then,
    /// nil for what it knows nothing of. Of several, the first with an answer counts.
    package borrowing func onRefusal(_ explain: @escaping @Sendable (PostgresError) -> (any Error)?) {
        transaction.explanations.append(explain)
    }

    /// The answer, one text, to a question about the server that is asked once per connection.
    ///
    /// It is asked again after anything on this connection was refused: the reason may be that the answer is another one now.
    /// Behind a pooler, where each transaction may have another server, `confirmation` travels with the transaction's
    /// next statements: it takes the known answer, and is an error when that doesn't hold.
    /// - Returns: the answer, and whether it was asked just now.
    package borrowing func learn(
        _ question: Statement, confirmedBy confirmation: Statement
    ) throws -> (answer: String, isNew: Bool) {
        try transaction.learn(question, confirmedBy: confirmation)
    }

    /// What was learnt on this connection is asked again: it does not fit what came from another one.
    package borrowing func unlearn() { transaction.unlearn() }

    /// Makes the transaction fail with this error at its end, if not before, for what can't throw by itself.
    package borrowing func refuse(_ error: any Error) { transaction.refuse(error) }

    /// Runs several statements separated by semicolons, without parameters or results. In a transaction they are
    /// cancelled as any others when its time is up.
    public borrowing func script(_ sql: String) throws { try transaction.script(sql) }
}
