/// One row of a result, valid inside the closure that receives it.
///
/// ```swift
/// let names = try session.query("SELECT id, name FROM mq.queues") { row in
///     Entry(id: try row[0], name: try row[1])
/// }
/// ```
public struct Row: ~Copyable {
    private let result: ResultHandle.Reference
    private let index: Int

    init(_ result: ResultHandle.Reference, _ index: Int) {
        self.result = result
        self.index = index
    }

    public var columnCount: Int { result.columnCount }

    /// The value of a column, counted from 0; ask for an `Optional` where the column can be NULL.
    ///
    /// - Throws: ``PostgresError`` of kind `decoding` when the column is missing, NULL, or of another type.
    public subscript<T: PostgresDecodable>(_ column: Int, as type: T.Type = T.self) -> T {
        get throws(PostgresError) {
            guard column < columnCount else {
                throw PostgresError(.decoding, "the row has \(columnCount) columns, and column \(column) was asked for")
            }
            let bytes = result.field(index, column)
            guard let value = T.decode(bytes) else {
                let found = bytes.map { "\($0.count) bytes that are no \(T.self)" } ?? "NULL instead of a \(T.self)"
                throw PostgresError(.decoding, "column \(column) (\(result.columnName(column))) holds \(found)")
            }
            return value
        }
    }
}
