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
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    /// Nil for a text that no token looks like.
    public init?(_ text: String) {
        guard text.count == Self.length, text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) else {
            return nil
        }
        self.text = text
    }

    private init(letters: [UInt8]) { text = String(decoding: letters, as: UTF8.self) }

    /// More than 250 random bits. The system is asked for as many at once as make ten letters: it takes its time over each.
    public static func random() -> CustomerToken {
        var source = SystemRandomNumberGenerator()
        var letters: [UInt8] = []
        while letters.count < length {
            var drawn = UInt64.random(in: 0..<tenLetters, using: &source)
            for _ in 0..<min(10, length - letters.count) {
                letters.append(Self.letters[Int(drawn % 62)])
                drawn /= 62
            }
        }
        return CustomerToken(letters: letters)
    }

    private static let tenLetters: UInt64 = 839_299_365_868_340_224
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
    /// Each of those who are new, with the first of their events.
    static func insert(_ submitters: [Submitter], in session: borrowing Session) {
        let new = submitters.filter { $0.token != nil }
        guard !new.isEmpty else { return }
        session.pipeline(insert, new.map(\.id), new.map { $0.token?.text ?? "" })
    }

    private static let insert: Statement = """
        INSERT INTO orders.customers (id, token_hash, places)
        SELECT id, sha256(convert_to(token, 'UTF8')), 1 FROM unnest($1::uuid[], $2::text[]) AS n (id, token)
        """
}
