import Crypto
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

/// What customers show to see all of their orders: chosen by their client, or told once, with their first order. The database
/// is told its SHA-256 alone, and keeps that.
public struct CustomerToken: Hashable, Sendable {
    public let text: String

    private static let length = 43
    /// Of 43 random ones fewer differ once in a million million times.
    private static let fewestLetters = 16
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    /// Nil for a text that no token looks like: 43 letters and digits, of which at least 16 differ.
    public init?(_ text: String) {
        guard text.count == Self.length, text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }),
            Set(text).count >= Self.fewestLetters
        else { return nil }
        self.text = text
    }

    /// Made here: a server may log what statements bring along.
    var digest: Bytes { Bytes(Array(SHA256.hash(data: Data(text.utf8)))) }

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
    /// Shows a token of their own choice, and becomes a customer with the first order that comes with it: this one, unless
    /// they are one already.
    case bearer(CustomerID, CustomerToken)

    public static func new() -> Submitter { .new(.new(), .random()) }

    /// Whoever shows this token, with their first order or with a later one.
    public static func showing(_ token: CustomerToken) -> Submitter { .bearer(.new(), token) }

    public var id: CustomerID {
        switch self {
        case .known(let id), .new(let id, _), .bearer(let id, _): id
        }
    }

    /// To be told with the answer; nil for those who are known without.
    public var token: CustomerToken? {
        switch self {
        case .known: nil
        case .new(_, let token), .bearer(_, let token): token
        }
    }

    fileprivate var shown: (id: CustomerID, token: CustomerToken)? {
        guard case .bearer(let id, let token) = self else { return nil }
        return (id: id, token: token)
    }
}

/// The rows of `orders.customers`.
enum Customers {
    /// Each of those who are new, with the first of their events.
    static func insert(_ submitters: [Submitter], in session: borrowing Session) {
        let new = submitters.compactMap { submitter in submitter.token.map { (id: submitter.id, token: $0) } }
        guard !new.isEmpty else { return }
        session.pipeline(insert, new.map(\.id), new.map(\.token.digest))
    }

    /// The same submitters, each bearer as the customer whose token it is. Who is none yet becomes one, without events so far.
    ///
    /// Locks nobody who is there. Waits for another transaction that makes a customer of the same token: tokens are taken in
    /// order, so that two groups with the same ones don't wait for each other.
    static func settle(_ submitters: [Submitter], in session: borrowing Session) throws -> [Submitter] {
        let bearers = submitters.compactMap(\.shown).sorted { $0.token.text < $1.token.text }
        guard !bearers.isEmpty else { return submitters }
        let (ids, digests) = (bearers.map(\.id), bearers.map(\.token.digest))
        session.walkIndexes()
        session.pipeline(admit, ids, digests)
        let found = try session.query(find, ids, digests) { row in
            (bearer: try row[0, as: CustomerID.self], customer: try row[1, as: CustomerID.self])
        }
        let customers = Dictionary(found.map { ($0.bearer, $0.customer) }) { first, _ in first }
        return submitters.map { submitter in
            submitter.shown.flatMap { customers[$0.id] }.map(Submitter.known) ?? submitter
        }
    }

    private static let insert: Statement = """
        INSERT INTO orders.customers (id, token_hash, places)
        SELECT id, token_hash, 1 FROM unnest($1::uuid[], $2::bytea[]) AS n (id, token_hash)
        """
    private static let admit: Statement = """
        INSERT INTO orders.customers (id, token_hash)
        SELECT id, token_hash FROM unnest($1::uuid[], $2::bytea[]) AS n (id, token_hash)
        ON CONFLICT (token_hash) DO NOTHING
        """
    private static let find: Statement = """
        SELECT n.id, c.id FROM unnest($1::uuid[], $2::bytea[]) AS n (id, token_hash)
        JOIN orders.customers AS c ON c.token_hash = n.token_hash
        """
}
