public import Foundation
import MessageQueue
public import Postgres

/// Names an order in every message, table and ledger: a UUID of version 7, written in lower case.
///
/// Version 7 begins with the time, so that new orders sit side by side at the end of every index.
public struct OrderID: Hashable, Sendable {
    public let uuid: UUID

    public init(_ uuid: UUID) { self.uuid = uuid }

    /// Reads the text form; nil when it is not a UUID.
    public init?(_ text: String) {
        guard let uuid = UUID(uuidString: text) else { return nil }
        self.uuid = uuid
    }

    /// A new id, of the same make as those of messages.
    public static func new(at date: Date = Date()) -> OrderID { OrderID(MessageID(at: date).uuid) }
}

extension OrderID: CustomStringConvertible {
    public var description: String { uuid.uuidString.lowercased() }
}

/// Ordered by bytes, as Postgres orders `uuid`: everybody who locks rows of several orders does it in this order.
extension OrderID: Comparable {
    public static func < (one: OrderID, other: OrderID) -> Bool {
        withUnsafeBytes(of: one.uuid.uuid) { one in
            withUnsafeBytes(of: other.uuid.uuid) { other in one.lexicographicallyPrecedes(other) }
        }
    }
}

extension OrderID: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let id = OrderID(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "An order id is a UUID.")
        }
        self = id
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension OrderID: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { UUID.postgresType }
    public func encode(into bytes: inout [UInt8]) -> Bool { uuid.encode(into: &bytes) }
    public static func decode(_ bytes: UnsafeRawBufferPointer?) -> OrderID? { UUID.decode(bytes).map(OrderID.init) }
}
