import Foundation
import Postgres

extension Broker {
    /// Keeps a key of a gateway. Recorded as an operator's action, in the same transaction.
    ///
    /// - Returns: false when there is one of this id, which then stays as it is.
    /// - Throws: ``QueueError/invalidArgument(_:)`` for permissions that are no JSON, an id or label beyond its limit,
    ///   or a rate of nothing.
    public func create(accessKey key: NewAccessKey) async throws -> Bool {
        try key.check()
        let deed = Deed(.createKey, nil, ["key": key.id, "label": key.label])
        return try await database.write { session in
            let isNew =
                try session.execute(
                    Self.createKey, key.id, key.label, Bytes(key.sealedSecret), JSON(key.permissions), key.ratePerSecond
                ) == 1
            if isNew {
                try self.record(deed, in: session)
                self.ringForKeys(in: session)
            }
            return isNew
        }
    }

    /// One key, also one that is revoked; nil when there is none of this id.
    public func accessKey(_ id: String) async throws -> AccessKey? {
        try await database.read(Self.readKey, id) { try AccessKey($0) }.first
    }

    /// All keys, the newest first, also those that are revoked.
    public func accessKeys() async throws -> [AccessKey] {
        try await database.read(Self.listKeys) { try AccessKey($0) }
    }

    /// Gives a key another secret; the one before is worth nothing any more. Recorded as an operator's action.
    ///
    /// - Parameters:
    ///   - id: of the key.
    ///   - sealedSecret: the new one, see ``AccessKey/sealedSecret``.
    /// - Returns: false when there is no such key, or it is revoked.
    public func rotate(accessKey id: String, to sealedSecret: [UInt8]) async throws -> Bool {
        let deed = Deed(.rotateKey, nil, ["key": id])
        return try await database.write { session in
            guard try session.execute(Self.rotateKey, id, Bytes(sealedSecret)) == 1 else { return false }
            try self.record(deed, in: session)
            self.ringForKeys(in: session)
            return true
        }
    }

    /// Takes a key back for good. It stays, so that what it did can be told. Recorded as an operator's action.
    ///
    /// - Returns: false when there is no such key, or it is revoked already.
    public func revoke(accessKey id: String) async throws -> Bool {
        let deed = Deed(.revokeKey, nil, ["key": id])
        return try await database.write { session in
            guard try session.execute(Self.revokeKey, id) == 1 else { return false }
            try self.record(deed, in: session)
            self.ringForKeys(in: session)
            return true
        }
    }

    /// Notes that keys were used just now; writes nothing for those whose last use was noted less than a minute ago.
    public func noteUse(ofAccessKeys ids: Set<String>) async throws {
        if ids.isEmpty { return }
        try await database.execute(Self.noteUse, ids.sorted())
    }

    /// With the commit, and so for certain, which no queue is worth: a key that is taken back is to be worth nothing soon.
    private func ringForKeys(in session: borrowing Session) {
        session.pipeline(Self.ringForKeys, Doorbell.channel(of: Doorbell.accessKeys))
    }

    private static let keyColumns =
        "id, label, secret, permissions, rate_per_second, created_at, rotated_at, revoked_at, last_used_at"
    static let createKey: Statement = """
        INSERT INTO mq.access_keys (id, label, secret, permissions, rate_per_second) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
        """
    static let readKey = Statement("SELECT \(keyColumns) FROM mq.access_keys WHERE id = $1")
    static let listKeys = Statement("SELECT \(keyColumns) FROM mq.access_keys ORDER BY created_at DESC, id")
    static let rotateKey: Statement = """
        UPDATE mq.access_keys SET (secret, rotated_at) = ($2, now()) WHERE id = $1 AND revoked_at IS NULL
        """
    static let revokeKey: Statement = """
        UPDATE mq.access_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL
        """
    static let ringForKeys: Statement = "SELECT pg_notify($1, '')"
    /// Rows that another process is just noting the same of are passed over.
    static let noteUse: Statement = """
        UPDATE mq.access_keys SET last_used_at = now() WHERE id IN (
            SELECT id FROM mq.access_keys WHERE id = ANY ($1) AND coalesce(last_used_at < now() - interval '1 minute', true)
            ORDER BY id FOR UPDATE SKIP LOCKED)
        """
}

extension NewAccessKey {
    fileprivate func check() throws {
        let bytes = id.utf8.count
        try QueueError.demand("bytes of the id", bytes, in: 1...MessageLimits.nameBytes, or: QueueError.invalidArgument)
        let label = label.utf8.count
        try QueueError.demand(
            "bytes of the label", label, in: 0...MessageLimits.keyBytes, or: QueueError.invalidArgument)
        if let ratePerSecond, !(ratePerSecond > 0 && ratePerSecond.isFinite) {
            throw QueueError.invalidArgument("a rate of \(ratePerSecond) calls a second")
        }
        let isJSON =
            (try? JSONSerialization.jsonObject(with: Data(permissions.utf8), options: .fragmentsAllowed)) != nil
        if !isJSON { throw QueueError.invalidArgument("the permissions are no JSON") }
    }
}

extension AccessKey {
    fileprivate init(_ row: borrowing Row) throws {
        self.init(
            id: try row[0], label: try row[1], sealedSecret: try row[2, as: Bytes.self].bytes,
            permissions: try row[3, as: JSON.self].text, ratePerSecond: try row[4], createdAt: try row[5],
            rotatedAt: try row[6], revokedAt: try row[7], lastUsedAt: try row[8])
    }
}
