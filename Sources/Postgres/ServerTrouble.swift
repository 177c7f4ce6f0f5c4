/// What SQLSTATEs say about the server and the session, rather than about the statement.
extension PostgresError {
    /// Whether another session may do what this one can't, or will never do again: it is to be left.
    var condemnsSession: Bool {
        guard kind == .server, let sqlState else { return false }
        return isSessionStale || Self.endOfSession.contains(sqlState) || sqlState.hasPrefix("08")
    }

    /// Whether this server can't do it now, whatever is asked of it.
    var isServerTrouble: Bool {
        guard let sqlState else { return false }
        // 53: it is out of something: disk, memory, connections.
        return condemnsSession || sqlState.hasPrefix("53") || Self.failing.contains(sqlState)
    }

    private static let endOfSession: Set<String> = [
        "25006",  // read-only: a standby now, or told to be
        "25P03", "25P04", "57P05",  // idle in a transaction, in one, or idle, for too long
        "57P01", "57P02", "57P04",  // ended by an administrator, by a crash, with its database
    ]

    private static let failing: Set<String> = [
        "57P03",  // starting, stopping or recovering
        "58030",  // its disk fails
    ]

    /// Two transactions met, and one had to give way, or a time was up.
    static let collisions: Set<String> = ["40001", "40P01", "55P03", "57014"]
}
