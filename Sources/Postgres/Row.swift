/// One row of a result, valid inside the closure that receives it.
///
/// ```swift
/// let names = try session.query("SELECT id, name FROM mq.queues") { row in
///     Entry(id: try row[0], name: try row[1])
/// }
/// ```
public struct Row: ~Copyable {
    @usableFromInline let result: ResultHandle.Reference
    @usableFromInline let index: Int

    @usableFromInline init(_ result: ResultHandle.Reference, _ index: Int) {
        self.result = result
        self.index = index
    }

    /// How many columns the row has.
    public var columnCount: Int { result.columnCount }

    /// The value of a column, counted from 0; ask for an `Optional` where the column can be NULL.
    ///
    /// - Throws: ``PostgresError`` of kind `decoding` when the column is missing, NULL, or of another type.
    public subscript<T: PostgresDecodable>(_ column: Int, as type: T.Type = T.self) -> T {
        @inlinable
        get throws(PostgresError) {
            guard column < columnCount else { throw missing(column) }
            let bytes = result.field(index, column)
            guard let value = T.decode(bytes) else { throw mismatch(column, holding: bytes?.count, insteadOf: T.self) }
            return value
        }
    }

    @usableFromInline func missing(_ column: Int) -> PostgresError {
        PostgresError(.decoding, "the row has \(columnCount) columns, and column \(column) was asked for")
    }

    @usableFromInline func mismatch<T>(_ column: Int, holding size: Int?, insteadOf type: T.Type) -> PostgresError {
        let found = size.map { "\($0) bytes that are no \(type)" } ?? "NULL instead of a \(type)"
        return PostgresError(.decoding, "column \(column) (\(result.columnName(column))) holds \(found)")
    }
}
