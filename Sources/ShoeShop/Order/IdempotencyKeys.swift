public import Postgres

/// The client's name for a submission: 1 to 200 visible ASCII characters.
public struct IdempotencyKey: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    /// Nil when the text isn't of that form.
    public init?(_ text: String) {
        guard (1...200).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return nil
        }
        self.text = text
    }

    public var description: String { text }
}

/// A submission's wish to be the one that its key stands for.
package struct KeyClaim: Sendable {
    package let key: IdempotencyKey
    package let body: [UInt8]
    package let id: OrderID

    package init(key: IdempotencyKey, body: [UInt8], id: OrderID) {
        self.key = key
        self.body = body
        self.id = id
    }
}

/// Whose a key is that somebody else claimed.
package struct KeyOwner: Sendable {
    package let id: OrderID
    /// Whether the claim came with the body that the owner came with.
    package let hasSameBody: Bool
}

/// The rows of `orders.idempotency_keys`, each kept for 24 hours.
///
/// Of a body only its hash is kept, which the database takes.
public enum IdempotencyKeys {
    /// Answers, by the ids of the claims, who owns the keys that were somebody else's: an earlier claim of these, or an
    /// earlier submission's. The other claims own theirs from now on.
    ///
    /// Waits for another transaction that is just claiming the same key. Keys are claimed in order, so that two groups
    /// with the same keys don't wait for each other.
    package static func claim(_ claims: [KeyClaim], in session: borrowing Session) throws -> [OrderID: KeyOwner] {
        guard !claims.isEmpty else { return [:] }
        let firsts = Dictionary(claims.map { ($0.key, $0) }) { first, _ in first }
        let sorted = firsts.values.sorted { $0.key.text < $1.key.text }
        let won = Set(
            try session.query(
                claim, sorted.map(\.key.text), sorted.map { Bytes($0.body) }, sorted.map(\.id)
            ) { try $0[0, as: OrderID.self] })
        let lost = claims.filter { !won.contains($0.id) }
        return lost.isEmpty ? [:] : try owners(of: lost, in: session)
    }

    private static func owners(of claims: [KeyClaim], in session: borrowing Session) throws -> [OrderID: KeyOwner] {
        session.walkIndexes()
        let owners = try session.query(
            find, claims.map(\.key.text), claims.map { Bytes($0.body) }, claims.map(\.id)
        ) { row in
            (claim: try row[0, as: OrderID.self], owner: KeyOwner(id: try row[1], hasSameBody: try row[2]))
        }
        return Dictionary(uniqueKeysWithValues: owners.map { ($0.claim, $0.owner) })
    }

    /// Forgets expired keys, at most `limit` of them, and answers how many. For the housekeeping of a long-lived process.
    @discardableResult
    public static func forgetExpired(limit: Int = 10_000, in session: borrowing Session) throws -> Int {
        try session.execute(forget, limit)
    }

    private static let claim: Statement = """
        INSERT INTO orders.idempotency_keys AS k (key, body_hash, order_id)
        SELECT key, sha256(body), id FROM unnest($1::text[], $2::bytea[], $3::uuid[]) AS c (key, body, id)
        ON CONFLICT (key) DO UPDATE
        SET body_hash = excluded.body_hash, order_id = excluded.order_id, expires_at = excluded.expires_at
        WHERE k.expires_at <= now()
        RETURNING order_id
        """
    private static let find: Statement = """
        SELECT c.id, k.order_id, k.body_hash = sha256(c.body)
        FROM unnest($1::text[], $2::bytea[], $3::uuid[]) AS c (key, body, id) JOIN orders.idempotency_keys AS k USING (key)
        """
    private static let forget: Statement = """
        DELETE FROM orders.idempotency_keys WHERE key IN (
            SELECT key FROM orders.idempotency_keys WHERE expires_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED)
        """
}
