/// The text of one SQL statement, prepared once per connection and cached there.
///
/// Make statements constants beside the verb that uses them, so that text and hash are computed once:
/// ```swift
/// static let reserve: Statement = "UPDATE stock.items SET reserved = reserved + $2 WHERE sku = $1"
/// ```
public struct Statement: Sendable, Hashable, ExpressibleByStringLiteral {
    public let sql: String
    private let precomputedHash: Int

    public init(_ sql: String) {
        self.sql = sql
        self.precomputedHash = sql.hashValue
    }

    public init(stringLiteral sql: String) { self.init(sql) }

    public static func == (one: Statement, other: Statement) -> Bool {
        one.precomputedHash == other.precomputedHash && one.sql == other.sql
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(precomputedHash) }
}

/// A statement together with the values for its `$1, $2, ...`.
struct BoundStatement {
    let statement: Statement
    let parameters: Parameters

    init(_ statement: Statement, _ parameters: Parameters = Parameters()) {
        self.statement = statement
        self.parameters = parameters
    }

    init<each P: PostgresEncodable>(_ statement: Statement, _ values: repeat each P) {
        var parameters = Parameters()
        for value in repeat each values { parameters.append(value) }
        self.init(statement, parameters)
    }
}

/// Binary values in one buffer, in the order of the placeholders.
struct Parameters {
    /// Begins with a byte of padding, so that even empty values have an address.
    private(set) var bytes: [UInt8] = [0]
    private(set) var types: [UInt32] = []
    /// Where each value lies in ``bytes``; nil is SQL NULL.
    private(set) var ranges: [Range<Int>?] = []

    mutating func append<P: PostgresEncodable>(_ value: P) {
        let start = bytes.count
        let isNull = !value.encode(into: &bytes)
        types.append(P.postgresType.oid)
        ranges.append(isNull ? nil : start..<bytes.count)
    }
}
