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

    /// The HTTP port; its default is the executable's own.
    public static func port(default port: PortNumber) -> Setting<PortNumber> {
        Setting("port", default: port, "HTTP port: operations routes, and the API where there is one; 0 is any free.")
    }

    static func standard(port: PortNumber) -> [any SettingDeclaration] {
        [host, Self.port(default: port), readyFile, logLevel, logFormat, shutdownTimeout]
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
