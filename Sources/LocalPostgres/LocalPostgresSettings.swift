/// How the server is set up; written to `postgresql.conf` at each start.
public struct LocalPostgresSettings: Sendable {
    /// The database that is created with the cluster.
    public var database = "shoeshop"
    /// Whether a commit survives a crash of the machine. A crash of the server alone loses nothing either way.
    public var fsync = true
    public var maxConnections = 200
    public var sharedBuffersMegabytes = 256
    /// Write-ahead log kept between checkpoints.
    public var maxWALMegabytes = 2048

    public init() {}

    /// The text of `postgresql.conf` for a server that listens in `socketDirectory`.
    func configuration(socketDirectory: String) -> String {
        """
        # Written at each start; changes here are lost.
        listen_addresses = ''
        port = \(ClusterPlace.port)
        unix_socket_directories = '\(socketDirectory.replacing("'", with: "''"))'
        unix_socket_permissions = 0700
        max_connections = \(maxConnections)
        shared_buffers = \(sharedBuffersMegabytes)MB
        max_wal_size = \(maxWALMegabytes)MB
        fsync = \(fsync ? "on" : "off")
        full_page_writes = \(fsync ? "on" : "off")
        lc_messages = 'C'
        timezone = 'UTC'
        log_timezone = 'UTC'
        log_line_prefix = '%m [%p] %a '

        """
    }
}
