public import Foundation
import MessageQueue
public import Postgres

/// Names a customer in the tables of orders; nothing outside of them knows it.
public struct CustomerID: Hashable, Sendable {
    public let uuid: UUID

    public init(_ uuid: UUID) { self.uuid = uuid }

    public static func new() -> CustomerID { CustomerID(MessageID().uuid) }
}

extension CustomerID: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { UUID.postgresType }
    public func encode(into bytes: inout [UInt8]) -> Bool { uuid.encode(into: &bytes) }
    public static func decode(_ bytes: UnsafeRawBufferPointer?) -> CustomerID? {
        UUID.decode(bytes).map(CustomerID.init)
    }
}

/// What customers show to see all of their orders. They are told it once, with their first order; the database keeps its hash.
public struct CustomerToken: Hashable, Sendable {
    public let text: String

    private static let length = 43
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")

    /// Nil for a text that no token looks like.
    public init?(_ text: String) {
        guard text.count == Self.length, text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) else {
            return nil
        }
        self.text = text
    }

    private init(letters: [Character]) { text = String(letters) }

    /// More than 250 random bits.
    public static func random() -> CustomerToken {
        var source = SystemRandomNumberGenerator()
        return CustomerToken(
            letters: (0..<length).map { _ in letters[Int.random(in: letters.indices, using: &source)] })
    }
}

/// Whoever prints one, or something that holds one, prints nothing that lets anybody in.
extension CustomerToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "***" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Who submits an order.
public enum Submitter: Hashable, Sendable {
    case known(CustomerID)
    /// Becomes a customer with this order.
    case new(CustomerID, CustomerToken)

    public static func new() -> Submitter { .new(.new(), .random()) }

    public var id: CustomerID {
        switch self {
        case .known(let id), .new(let id, _): id
        }
    }

    /// To be told with the answer; nil for those who have one.
    public var token: CustomerToken? { if case .new(_, let token) = self { token } else { nil } }
}

/// The rows of `orders.customers`.
enum Customers {
    static func insert(_ submitters: [Submitter], in session: borrowing Session) {
        let new = submitters.filter { $0.token != nil }
        guard !new.isEmpty else { return }
        session.pipeline(insert, new.map(\.id), new.map { $0.token?.text ?? "" })
    }

    private static let insert: Statement = """
        INSERT INTO orders.customers (id, token_hash)
        SELECT id, sha256(convert_to(token, 'UTF8')) FROM unnest($1::uuid[], $2::text[]) AS n (id, token)
        """
}
