/// The text of one SQL statement, prepared once per connection and cached there.
///
/// Make statements constants beside the verb that uses them, so that text and hash are computed once:
/// ```swift
/// static let reserve: Statement = "UPDATE stock.items SET reserved = reserved + $2 WHERE sku = $1"
/// ```
public struct Statement: Sendable, Hashable, ExpressibleByStringLiteral {
    /// The text, with `$1`, `$2` and so on for its parameters.
    public let sql: String
    private let precomputedHash: Int

    /// Makes a statement from SQL that was put together at run time, from trusted parts only.
    public init(_ sql: String) {
        self.sql = sql
        self.precomputedHash = sql.hashValue
    }

    /// A statement that stands in the source.
    public init(stringLiteral sql: String) { self.init(sql) }

    /// Whether their texts are the same.
    public static func == (one: Statement, other: Statement) -> Bool {
        one.precomputedHash == other.precomputedHash && one.sql == other.sql
    }

    /// Hashes what was computed once.
    public func hash(into hasher: inout Hasher) { hasher.combine(precomputedHash) }
}

/// A statement together with the values for its `$1, $2, ...`.
@usableFromInline struct BoundStatement: Sendable {
    let statement: Statement
    let parameters: Parameters

    @usableFromInline init(_ statement: Statement, _ parameters: Parameters = Parameters()) {
        self.statement = statement
        self.parameters = parameters
    }

    @inlinable init<each P: PostgresEncodable>(_ statement: Statement, _ values: repeat each P) {
        var parameters = Parameters()
        for value in repeat each values { parameters.append(value) }
        self.init(statement, parameters)
    }
}

/// Binary values in one buffer, in the order of the placeholders.
@usableFromInline struct Parameters: Sendable {
    /// Begins with a byte of padding, so that even empty values have an address.
    @usableFromInline var bytes: [UInt8]
    @usableFromInline var values: [Value] = []

    @usableFromInline struct Value: Sendable {
        let type: UInt32
        /// Where it lies in ``Parameters/bytes``.
        let offset: Int
        /// Nil is SQL NULL.
        let length: Int?

        @usableFromInline init(type: UInt32, offset: Int, length: Int?) {
            self.type = type
            self.offset = offset
            self.length = length
        }
    }

    @usableFromInline init() {
        bytes = []
        bytes.reserveCapacity(Self.usualSize)
        bytes.append(0)
    }

    /// Most statements' values fit, so that the buffer does not grow step by step.
    private static let usualSize = 96

    /// The most that the server takes in one message: a gigabyte, less what goes with the values. It hangs up on more.
    static let largest = (1 << 30) - (1 << 20)

    /// - Throws: ``PostgresError`` of kind `tooLarge` for more than the server takes, before anything is sent of it.
    func check(in sql: String) throws {
        guard bytes.count > Self.largest else { return }
        var error = PostgresError(
            .tooLarge, "the values of a statement take \(bytes.count) bytes; the most is \(Self.largest)")
        error.statement = sql
        throw error
    }

    var types: [UInt32] { values.map(\.type) }

    func have(_ types: [UInt32]) -> Bool { values.elementsEqual(types) { $0.type == $1 } }

    @inlinable mutating func append<P: PostgresEncodable>(_ value: P) {
        let start = bytes.count
        let isNull = !value.encode(into: &bytes)
        values.append(
            Value(type: P.postgresType.oid, offset: start, length: isNull ? nil : bytes.count - start))
    }
}
