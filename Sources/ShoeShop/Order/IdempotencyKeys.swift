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
package struct KeyClaim: Hashable, Sendable {
    package let key: IdempotencyKey
    package let bodyHash: [UInt8]
    package let id: OrderID

    package init(key: IdempotencyKey, bodyHash: [UInt8], id: OrderID) {
        self.key = key
        self.bodyHash = bodyHash
        self.id = id
    }
}

/// The rows of `orders.idempotency_keys`, each kept for 24 hours.
public enum IdempotencyKeys {
    /// Answers for each key who owns it: one of these claims, or an earlier submission.
    ///
    /// Waits for another transaction that is just claiming the same key. Keys are claimed in order, so that two groups
    /// with the same keys don't wait for each other.
    package static func claim(_ claims: [KeyClaim], in session: borrowing Session) throws -> [IdempotencyKey: KeyClaim]
    {
        guard !claims.isEmpty else { return [:] }
        let firsts = Dictionary(claims.map { ($0.key, $0) }) { first, _ in first }
        let sorted = firsts.values.sorted { $0.key.text < $1.key.text }
        let won = try session.query(
            claim, sorted.map(\.key.text), sorted.map { Bytes($0.bodyHash) }, sorted.map(\.id)
        ) { try $0[0, as: String.self] }
        let lost = Set(sorted.map(\.key.text)).subtracting(won)
        guard !lost.isEmpty else { return firsts }
        let owners = try session.query(find, Array(lost)) { row in
            (text: try row[0, as: String.self], hash: try row[1, as: Bytes.self], id: try row[2, as: OrderID.self])
        }
        return owners.reduce(into: firsts) { all, owner in
            guard let key = IdempotencyKey(owner.text) else { return }
            all[key] = KeyClaim(key: key, bodyHash: owner.hash.bytes, id: owner.id)
        }
    }

    /// Forgets expired keys, at most `limit` of them, and answers how many. For the housekeeping of a long-lived process.
    @discardableResult
    public static func forgetExpired(limit: Int = 10_000, in session: borrowing Session) throws -> Int {
        try session.execute(forget, limit)
    }

    private static let claim: Statement = """
        INSERT INTO orders.idempotency_keys AS k (key, body_hash, order_id)
        SELECT * FROM unnest($1::text[], $2::bytea[], $3::uuid[])
        ON CONFLICT (key) DO UPDATE
        SET body_hash = excluded.body_hash, order_id = excluded.order_id, expires_at = excluded.expires_at
        WHERE k.expires_at <= now()
        RETURNING key
        """
    private static let find: Statement = """
        SELECT key, body_hash, order_id FROM orders.idempotency_keys WHERE key = ANY($1)
        """
    private static let forget: Statement = """
        DELETE FROM orders.idempotency_keys WHERE key IN (
            SELECT key FROM orders.idempotency_keys WHERE expires_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED)
        """
}
