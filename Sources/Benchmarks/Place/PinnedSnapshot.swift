/// A transaction of somebody else that was forgotten: while it lives, no dead row anywhere in the database can be removed.
struct PinnedSnapshot: ~Copyable {
    private let connection: BareConnection

    init(on conninfo: String) throws {
        let connection = try BareConnection(conninfo)
        try connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        self.connection = connection
    }
}
