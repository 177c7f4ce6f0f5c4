public import Postgres

/// An amount in euro cents.
public struct Money: Hashable, Sendable {
    public let cents: Int

    public init(cents: Int) { self.cents = cents }

    public static let zero = Money(cents: 0)
    /// ISO 4217 code of every amount of this shop.
    public static let currency = "EUR"

    /// A sum that no number holds is the largest that there is, which no message may carry.
    public static func + (one: Money, other: Money) -> Money {
        Money(one.cents.addingReportingOverflow(other.cents), isNegative: one.cents < 0)
    }

    /// A product that no number holds is the largest that there is, which no message may carry.
    public static func * (one: Money, count: Int) -> Money {
        Money(one.cents.multipliedReportingOverflow(by: count), isNegative: (one.cents < 0) != (count < 0))
    }

    private init(_ result: (partialValue: Int, overflow: Bool), isNegative: Bool) {
        cents = result.overflow ? (isNegative ? .min : .max) : result.partialValue
    }
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

/// In JSON, a plain number of cents, from none to a trillion euros.
extension Money: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        cents = try container.decode(Int.self)
        guard OrderBounds.amount.contains(cents) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(cents) cents are no amount")
        }
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
