import Durations
public import Logging

/// The settings that every process has.
extension Settings {
    public static let host = Setting("host", default: "127.0.0.1", "Address to listen on.")
    public static let readyFile = Setting<String?>(
        "ready-file", default: nil, "File to write once listening: JSON with pid and addresses. Removed at the end.")
    public static let logLevel = Setting("log-level", default: Logger.Level.info, "Least level that is logged.")
    public static let logFormat = Setting("log-format", default: LogFormat.readable, "Format of the lines on stderr.")
    public static let shutdownTimeout = Setting(
        "shutdown-timeout", default: Duration.seconds(30), in: .seconds(1)...Duration.longest,
        "Longest time from SIGTERM to the end, whatever hangs.")
    public static let clientTimeout = Setting(
        "client-timeout", default: Duration.seconds(30), in: .milliseconds(100)...(.seconds(3600)),
        "How long an HTTP client may take to send a request, or take in nothing of its answer. Idle ones stay four times that."
    )
    public static let operationsFrom = Setting(
        "operations-from", default: OperationsFrom.loopback,
        "Who is told of /metrics and /health: programs of this machine (loopback), or whoever reaches it (anywhere).")
    public static let spans = Setting<String?>(
        "otel-exporter-otlp-endpoint", default: nil,
        "Where spans are told, as OTLP over HTTP, such as http://127.0.0.1:4318; without it there are none.")
    public static let spanShare = Setting(
        "otel-traces-sampler-arg", default: 1.0, in: 0...1, "Of traces that begin here, the share that is recorded.")
    public static let clients = Setting(
        "clients", default: 20_000, in: 1...1_000_000,
        "The most HTTP connections at once, as far as the system's limit of open files allows; others wait to be accepted."
    )

    /// The HTTP port; its default is the executable's own.
    public static func port(default port: PortNumber) -> Setting<PortNumber> {
        Setting("port", default: port, "HTTP port: operations routes, and the API where there is one; 0 is any free.")
    }

    static func standard(port: PortNumber) -> [any SettingDeclaration] {
        [
            host, Self.port(default: port), operationsFrom, readyFile, logLevel, logFormat, shutdownTimeout,
            clientTimeout, clients, spans, spanShare,
        ]
    }
}

/// The settings that several executables share.
extension Settings {
    public static let databaseURL = Setting(
        "database-url", default: "postgresql:///shop", "Postgres, as a libpq connection string.")
    public static let directDatabaseURL = Setting<String?>(
        "direct-database-url", default: nil,
        "The same database past a pooler, for the connection that listens. Without it, behind a pooler, workers poll.")
    public static let paymentURL = Setting(
        "payment-url", default: "http://127.0.0.1:8091", "Base address of the payment provider.")
    public static let logisticsURL = Setting(
        "logistics-url", default: "http://127.0.0.1:8092", "Base address of the logistics provider.")
}
