/// What went wrong between this process and the server.
///
/// One type for the whole room: switch over ``kind``, and use ``sqlState`` and ``constraint`` where a server error
/// has to be told apart.
public struct PostgresError: Error, Sendable {
    /// What a caller may want to tell apart.
    public enum Kind: Sendable, Equatable {
        /// The connection string is none that libpq takes. It won't become one, so that nothing is worth trying again.
        case invalidConnectionString
        /// No connection could be made.
        case connectionFailed
        /// The connection broke, or takes nothing more; the transaction that was open on it is rolled back by the server.
        case connectionLost
        /// A COMMIT, or the commit at the end of a statement on its own, was not confirmed: the connection broke meanwhile, the
        /// call's time was up (a commit is never cancelled, so its connection is given up), or the server says that it has
        /// stopped waiting for its standbys. It may have been committed, may be later, and may be lost with this server.
        case outcomeUnknown
        /// The server refused a statement; see ``PostgresError/sqlState``.
        case server
        /// The calling task was cancelled.
        case cancelled
        /// The deadline of the call passed.
        case deadlineExceeded
        /// No connection became free in time, or too many callers are waiting for one.
        case poolExhausted
        /// The pool has been shut down.
        case closed
        /// A value could not be read as the type asked for.
        case decoding
        /// The caller asked for what can't be, such as LISTEN on a connection that a pooler shares out. To ask again won't help.
        case misuse
        /// The values of a statement, or of statements that travel together, take more than can be sent. None of them had an effect.
        case tooLarge
    }

    /// What went wrong.
    public let kind: Kind
    /// The server's message, libpq's or this client's, for people; the server's may be translated.
    public let message: String
    /// The five characters of the SQLSTATE, for server errors.
    public var sqlState: String?
    /// What the server adds to its message; may hold values of the row at fault.
    public var detail: String?
    /// What the server proposes.
    public var hint: String?
    /// Name of the violated constraint, for integrity errors.
    public var constraint: String?
    /// Schema of the table that the error is about, for integrity errors.
    public var schema: String?
    /// Name of that table, or of its partition.
    public var table: String?
    /// The SQL text that failed.
    public var statement: String?
    /// The session no longer has what was prepared in it, or what was prepared fits the tables no longer.
    var isSessionStale = false

    /// An error that no server sent.
    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// Whether the same transaction may succeed when it is simply run again, later.
    ///
    /// True for broken connections, an exhausted pool, serialization failures, deadlocks, lock and statement timeouts, and a server
    /// that can't do it now: it is starting, stopping, read-only, out of something, or its disk fails. Not true for
    /// ``Kind/outcomeUnknown``: only the caller knows whether repeating is safe. It is where a key tells that the first try came
    /// through: an idempotency key, the place of a message, a primary key.
    public var isRetryable: Bool {
        switch kind {
        case .connectionFailed, .connectionLost, .poolExhausted, .deadlineExceeded: true
        case .server: isServerTrouble || Self.collisions.contains(sqlState ?? "")
        case .outcomeUnknown, .cancelled, .closed, .decoding, .misuse, .tooLarge, .invalidConnectionString: false
        }
    }

    /// Whether the trouble lies in reaching a server that can do it, not in what was asked of it.
    ///
    /// Where the session itself is at fault, such as one with a server that became read-only (25006), it has been left already.
    public var isConnectionTrouble: Bool {
        switch kind {
        case .connectionFailed, .connectionLost, .outcomeUnknown, .poolExhausted: true
        case .server: isServerTrouble
        case .cancelled, .deadlineExceeded, .closed, .decoding, .misuse, .tooLarge, .invalidConnectionString: false
        }
    }

    /// A unique constraint said that the row is there already.
    public var isUniqueViolation: Bool { sqlState == "23505" }
    /// A CHECK constraint refused the row, or no partition takes it.
    public var isCheckViolation: Bool { sqlState == "23514" }
}

extension PostgresError: CustomStringConvertible {
    /// In one line: message, SQLSTATE, detail, hint, and the beginning of the statement.
    public var description: String {
        var text = message
        if let sqlState { text += " [SQLSTATE \(sqlState)]" }
        if let detail { text += " (\(detail))" }
        if let hint { text += " Hint: \(hint)" }
        if let statement { text += " in: \(statement.prefix(160).replacing("\n", with: " "))" }
        return text
    }
}
