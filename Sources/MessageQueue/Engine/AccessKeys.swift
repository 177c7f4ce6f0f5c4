import Postgres

extension Broker {
    /// Makes an access key. Recorded as an operator's action, without the secret. Needs the rights of the schema's owner, as all
    /// changes of access keys do.
    ///
    /// - Returns: false when there is one of this id, which stays as it is.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func create(accessKey key: NewAccessKey) async throws -> Bool {
        try key.check()
        let deed = Deed(
            .createKey, nil,
            ["key": key.id, "label": key.label, "permissions": key.permissions.joined(separator: " ")])
        return try await record(deed) { session in
            try session.execute(
                Self.createAccessKey, key.id, key.label, Bytes(key.sealedSecret), key.permissions, key.ratePerSecond)
        }
    }

    /// Replaces the secret of an access key that is good: whoever signs with the one before is refused from now on.
    ///
    /// - Returns: false when there is none, or it is revoked.
    public func rotate(accessKey id: String, to sealedSecret: [UInt8]) async throws -> Bool {
        try await record(Deed(.rotateKey, nil, ["key": id])) { session in
            try session.execute(Self.rotateAccessKey, id, Bytes(sealedSecret))
        }
    }

    /// Makes an access key worthless, for ever. It stays in the list, so that what it did can be told.
    ///
    /// - Returns: false when there is none, or it is revoked already.
    public func revoke(accessKey id: String) async throws -> Bool {
        try await record(Deed(.revokeKey, nil, ["key": id])) { try $0.execute(Self.revokeAccessKey, id) }
    }

    /// All access keys, also those that are revoked, in the order of their making.
    public func accessKeys() async throws -> [AccessKey] {
        try await database.read(Self.listAccessKeys, row: { try AccessKey($0) })
    }

    /// Notes that these access keys have been used by now.
    public func note(use keys: Set<String>) async throws {
        if !keys.isEmpty { try await database.execute(Self.noteAccess, keys.sorted()) }
    }

    /// - Parameter change: answers how many keys it has changed.
    private func record(
        _ deed: Deed, _ change: @escaping @Sendable (borrowing Session) throws -> Int
    ) async throws -> Bool {
        try await database.write { session in
            let isDone = try change(session) == 1
            if isDone { try self.record(deed, in: session) }
            return isDone
        }
    }

    static let createAccessKey: Statement = """
        INSERT INTO mq.access_keys (id, label, secret, permissions, rate) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
        """
    static let rotateAccessKey: Statement = """
        UPDATE mq.access_keys SET secret = $2, changed_at = now() WHERE id = $1 AND revoked_at IS NULL
        """
    static let revokeAccessKey: Statement = """
        UPDATE mq.access_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL
        """
    static let listAccessKeys: Statement = """
        SELECT id, label, secret, permissions, rate, created_at, changed_at, revoked_at, last_used_at
        FROM mq.access_keys ORDER BY created_at, id
        """
    /// In the order of ids, so that two gateways wait for each other in one direction only.
    static let noteAccess: Statement = """
        UPDATE mq.access_keys k SET last_used_at = greatest(k.last_used_at, now())
        FROM (SELECT id FROM mq.access_keys WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE) AS used WHERE used.id = k.id
        """
}
