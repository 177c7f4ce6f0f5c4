public import Postgres

/// An amount in euro cents.
public struct Money: Hashable, Sendable {
    public let cents: Int

    public init(cents: Int) { self.cents = cents }

    public static let zero = Money(cents: 0)
    /// ISO 4217 code of every amount of this shop.
    public static let currency = "EUR"

    public static func + (one: Money, other: Money) -> Money { Money(cents: one.cents + other.cents) }
    public static func * (one: Money, count: Int) -> Money { Money(cents: one.cents * count) }
}

/// Reads `1234.05 EUR`.
extension Money: CustomStringConvertible {
    public var description: String {
        let (euros, rest) = cents.magnitude.quotientAndRemainder(dividingBy: 100)
        return "\(cents < 0 ? "-" : "")\(euros).\(rest < 10 ? "0" : "")\(rest) \(Self.currency)"
    }
}

extension Money: Comparable {
    public static func < (one: Money, other: Money) -> Bool { one.cents < other.cents }
}

/// In JSON, a plain number of cents.
extension Money: Codable {
    public init(from decoder: any Decoder) throws {
        cents = try decoder.singleValueContainer().decode(Int.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(cents)
    }
}

extension Money: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { Int64.postgresType }
    public func encode(into bytes: inout [UInt8]) -> Bool { cents.encode(into: &bytes) }
    public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Money? { Int.decode(bytes).map(Money.init(cents:)) }
}
