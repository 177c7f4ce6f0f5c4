import Durations
import Postgres

/// What is remembered of whatever is sent only once, each key until it expires.
struct SentKeys: Sendable {
    static let ofQueues = SentKeys(in: "mq.sent_keys", of: "queue", by: "mq.known_queue($1)")
    static let ofTopics = SentKeys(
        in: "mq.published_keys", of: "topic", by: "(SELECT t.id FROM mq.topics t WHERE t.name = $1)")

    /// In key order, so that two senders of the same keys wait for each other in one direction only.
    let take: Statement
    /// By primary key. First a row that only says that the name is this request's, then one for each message. A row of a request that
    /// had the name before says nothing, so it has to be as old as the name's.
    let namedIDs: Statement
    /// Not what somebody is just taking anew.
    let forget: Statement

    /// - Parameters:
    ///   - table: with the columns `key` and `expires_at`.
    ///   - column: whose keys they are.
    ///   - owner: a table expression that finds it by the first parameter.
    private init(in table: String, of column: String, by owner: String) {
        take = Statement(
            """
            INSERT INTO \(table) AS k (\(column), key, expires_at)
            SELECT q.id, key, now() + make_interval(secs => $3::float8) FROM \(owner) q, unnest($2::text[]) AS key
            ON CONFLICT (\(column), key) DO UPDATE SET expires_at = excluded.expires_at WHERE k.expires_at <= now()
            RETURNING key
            """)
        namedIDs = Statement(
            """
            SELECT n, (floor(extract(epoch FROM k.expires_at - make_interval(secs => $4::float8)) * 1000))::bigint,
                ('x' || left(d.digits, 16))::bit(64)::bigint, ('x' || substr(d.digits, 17, 16))::bit(64)::bigint
            FROM \(owner) q JOIN \(table) k ON k.\(column) = q.id AND k.key = $2
            JOIN \(table) r ON r.\(column) = q.id AND r.key = $3 AND r.expires_at = k.expires_at
            CROSS JOIN generate_series(0, $5::int) AS n
            CROSS JOIN LATERAL (
                SELECT encode(sha256(convert_to(k.key || ' ' || extract(epoch FROM k.expires_at) || ' ' || n, 'UTF8')), 'hex')
                    AS digits) AS d
            ORDER BY n
            """)
        forget = Statement(
            """
            DELETE FROM \(table) WHERE (\(column), key) IN (
                SELECT \(column), key FROM \(table) WHERE expires_at <= now() ORDER BY expires_at LIMIT 10000
                FOR UPDATE SKIP LOCKED)
            """)
    }
}

extension SentKeys {
    /// The name of a request, as it is remembered.
    struct Name {
        let taken: String
        /// Who comes with the same name for another request doesn't find this one.
        let request: String

        /// - Parameter message: that a name which is too long is told of.
        /// - Throws: ``QueueError/beyondLimit(_:)``.
        init(_ name: String, fingerprint: String, of message: MessageID?) throws {
            taken = "name \(name)"
            request = "request \(fingerprint) \(name)"
            try MessageLimits.check(sendOnceKey: request, of: message ?? MessageID())
        }
    }

    enum Found {
        case new([MessageID]), known([MessageID]), another
    }

    private static let namesLast = Duration.seconds(3 * 86_400)

    /// Takes a name, waiting for a transaction that is just taking it, or finds what it was used for.
    ///
    /// - Parameters:
    ///   - name: of a request that makes `count` messages.
    ///   - owner: the queue's number, or the topic's name.
    func take(
        _ name: Name, of owner: some PostgresEncodable, count: Int, in session: borrowing Session
    ) throws -> Found {
        let isNew = try isFree(name.taken, of: owner, in: session)
        if isNew { _ = try isFree(name.request, of: owner, in: session) }
        // A statement of its own: it sees what a transaction did that was waited for.
        let rows = try session.query(
            namedIDs, owner, name.taken, name.request, Self.namesLast.inSeconds, Int32(count)
        ) { try MessageID(named: $0) }
        if rows.isEmpty { return .another }
        let ids = rows.compactMap(\.self)
        return isNew ? .new(ids) : .known(ids)
    }

    /// Whether it was, until now.
    private func isFree(_ key: String, of owner: some PostgresEncodable, in session: borrowing Session) throws -> Bool {
        try !session.query(take, owner, [key], Self.namesLast.inSeconds) { try $0[0, as: String.self] }.isEmpty
    }
}

extension MessageID {
    /// Nil for the row that stands for no message.
    fileprivate init?(named row: borrowing Row) throws {
        guard try row[0, as: Int.self] > 0 else { return nil }
        let milliseconds = UInt64(max(0, try row[1, as: Int64.self]))
        let high = UInt64(bitPattern: try row[2, as: Int64.self])
        self.init(milliseconds: milliseconds, (high, UInt64(bitPattern: try row[3, as: Int64.self])))
    }
}
