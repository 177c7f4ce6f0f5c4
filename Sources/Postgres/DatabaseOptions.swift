/// How large a pool is, how long one waits for it, and what its connections are like.
public struct DatabaseOptions: Sendable {
    /// What each connection is like.
    public var connection = ConnectionOptions()
    /// Another address of the same database, past a pooler, for ``Database/dedicatedConnection(named:)``.
    public var directConninfo: String?
    /// The most connections that are open at once; 1 or more.
    ///
    /// A commit that was given up and goes on at the server, see ``PostgresError/Kind/outcomeUnknown``, counts among them until
    /// its server process has come to an end with it.
    public var connectionLimit = 8
    /// The most callers that may wait for a connection; one more is refused at once.
    public var waiterLimit = 4096
    /// The longest that a caller waits for a connection.
    public var waitLimit: Duration = .seconds(10)

    /// With the values that the members begin with.
    public init() {}
}

extension DatabaseOptions: CustomReflectable {
    /// What a dump may show: no password of ``directConninfo``.
    public var customMirror: Mirror {
        let direct = directConninfo.map(Conninfo.masked) ?? "nil"
        return Mirror(
            self,
            children: [
                "connection": connection, "directConninfo": direct, "connectionLimit": connectionLimit,
                "waiterLimit": waiterLimit, "waitLimit": waitLimit,
            ], displayStyle: .struct)
    }
}
