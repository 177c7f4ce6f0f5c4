public import Postgres

/// Stock-keeping unit: one model in one size and colour, such as `RUNNER-42-BLK`.
public struct SKU: Hashable, Sendable, ExpressibleByStringLiteral {
    public let code: String

    public init(_ code: String) { self.code = code }
    public init(stringLiteral code: String) { self.code = code }

    /// Whether the code has the form that labels have: 1 to 40 of `A-Z`, `0-9` and `-`.
    public var isWellFormed: Bool {
        (1...40).contains(code.utf8.count)
            && code.utf8.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }
}

extension SKU: CustomStringConvertible {
    public var description: String { code }
}

extension SKU: Comparable {
    public static func < (one: SKU, other: SKU) -> Bool { one.code < other.code }
}

extension SKU: Codable {
    public init(from decoder: any Decoder) throws {
        code = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(code)
    }
}

extension SKU: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { String.postgresType }
    public func encode(into bytes: inout [UInt8]) -> Bool { code.encode(into: &bytes) }
    public static func decode(_ bytes: UnsafeRawBufferPointer?) -> SKU? { String.decode(bytes).map { SKU($0) } }
}
