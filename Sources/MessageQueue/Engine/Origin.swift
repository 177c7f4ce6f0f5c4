import Postgres

/// Which database, and which schema in it, something was read from.
///
/// Numbers, places and cursors mean nothing anywhere else: the database may be made anew, restored, or taken over by another
/// server while this process lives. So each connection is asked once where it leads to, and what is remembered of another
/// place is forgotten.
package struct Origin: Sendable, Equatable {
    private let text: String
    /// The schema in its database: what makes two origins the same.
    private let place: String
    /// The number of the schema: what statements bring along, see `mq.is_home`.
    let home: Int64
    /// Another one once its server has begun anew: what it had not made durable by then is gone, though the place is the same.
    let life: String
    /// Tells receipts of different origins apart: 32 bits of a hash that is the same in every process.
    let mark: UInt32

    init(_ text: String) throws {
        let parts = text.split(separator: " ")
        guard let home = parts.first.flatMap({ Int64($0) }) else {
            throw PostgresError(.decoding, "\"\(text)\" is no origin")
        }
        self.text = text
        self.home = home
        place = parts.prefix(2).joined(separator: " ")
        life = parts.dropFirst(2).joined(separator: " ")
        mark = Self.hash(place)
    }

    package static func == (one: Origin, other: Origin) -> Bool { one.place == other.place }

    /// FNV-1a.
    private static func hash(_ text: String) -> UInt32 {
        text.utf8.reduce(0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }

    /// Where this session leads to. Costs a round trip once per connection.
    static func text(of session: borrowing Session) throws -> (text: String, isNew: Bool) {
        let (answer, isNew) = try session.learn(ask, confirmedBy: confirm)
        return (answer, isNew)
    }

    func isTold(by text: String) -> Bool { text == self.text }

    /// Since when the server runs, and keeps its statistics: a crash of one of its processes, from which it recovers without being
    /// started, empties these. So does who resets them: then more is forgotten than need be.
    private static let presentLife = """
        extract(epoch FROM pg_postmaster_start_time()) || '/'
            || coalesce(extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())::text, '-')
        """
    static let ask = Statement(
        "SELECT 'mq.queues'::regclass::oid || ' ' || mq.fingerprint() || ' ' || \(presentLife)")
    static let check: Statement = "SELECT mq.is_home($1)"

    /// As `mq.is_home`, for statements of which there are many small ones: a function in PL/pgSQL is set up anew in each
    /// transaction, so it is only called for its error.
    static func isHome(_ home: String) -> String {
        "CASE WHEN \(home) = 'mq.queues'::regclass::oid::bigint THEN true ELSE mq.is_home(\(home)) END"
    }
    static let confirm = Statement(
        """
        SELECT mq.expect(CASE WHEN split_part($1, ' ', 3) = \(presentLife) THEN split_part($1, ' ', 2) END)
        """)
}

extension Broker {
    /// How often a call is made before what it meets counts as its outcome: each connection finds out by itself.
    private static let mostLooks = 3

    /// Makes a call again when it was refused, whole, because what it went by was outdated.
    func lookingAgain<T>(_ call: () async throws -> T) async throws -> T {
        for _ in 1..<Self.mostLooks {
            do { return try await call() } catch let error as PostgresError where error.isOutdated { catalogue.doubt() }
        }
        return try await call()
    }

    /// As ``lookingAgain(_:)``, of a transaction.
    func writeLookingAgain<T: Sendable>(
        on database: some DatabaseAccess, within limit: Duration? = nil,
        _ body: @Sendable (borrowing Session) throws -> T
    ) async throws -> T {
        try await lookingAgain { try await database.write(within: limit, body) }
    }
}

extension PostgresError {
    /// What was remembered is of another database or schema, or of a queue that is gone: looked up anew, it may go well. So it is with
    /// a queue or topic that goes in the very moment in which something is stored under its number: the server finds it missing.
    var isOutdated: Bool { sqlState == "40001" || sqlState == Self.missingReference }

    private static let missingReference = "23503"

    /// As the server says it, where this process notices first.
    static func outdated(_ what: String) -> PostgresError {
        var error = PostgresError(.server, "\(what) is another one than before")
        error.sqlState = "40001"
        return error
    }
}
