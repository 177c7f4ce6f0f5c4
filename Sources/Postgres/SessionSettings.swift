extension ConnectionOptions {
    /// The settings that a session has from the start, whatever the server, the database, the role, the environment and the
    /// connection string say.
    public static let defaultSettings = sameForEverybody + forShortStatements

    /// Settings by which the same SQL would store something else, or read something else. As the server has them by itself,
    /// except for the time zone, which is UTC.
    private static let sameForEverybody = [
        (name: "DateStyle", value: "ISO, MDY"),
        (name: "IntervalStyle", value: "postgres"),
        (name: "TimeZone", value: "UTC"),
        (name: "extra_float_digits", value: "1"),
        (name: "bytea_output", value: "hex"),
        (name: "xmlbinary", value: "base64"),
        (name: "xmloption", value: "content"),
        (name: "standard_conforming_strings", value: "on"),
        (name: "backslash_quote", value: "safe_encoding"),
        (name: "array_nulls", value: "on"),
        (name: "transform_null_equals", value: "off"),
        (name: "quote_all_identifiers", value: "off"),
    ]

    /// Just-in-time compilation costs 10-50 ms a call once a wrong estimate triggers it; a prepared statement is planned
    /// once, and not again at each execution; a transaction left open by a stopped process must not hold its locks for
    /// ever; READ COMMITTED is what statements here are written for.
    private static let forShortStatements = [
        (name: "jit", value: "off"),
        (name: "plan_cache_mode", value: "force_generic_plan"),
        (name: "default_transaction_isolation", value: "read committed"),
        (name: "idle_in_transaction_session_timeout", value: "15s"),
        (name: "tcp_keepalives_idle", value: "15"),
        (name: "tcp_keepalives_interval", value: "5"),
        (name: "tcp_keepalives_count", value: "3"),
    ]

    /// Text is UTF-8 in Swift, and so it is on the wire. Not to be chosen: another encoding would store other text than was sent.
    static let encoding = (name: "client_encoding", value: "UTF8")

    /// Not to be chosen either: whoever hears no warnings takes a commit for confirmed that stopped waiting for its standby.
    private static let warnings = (name: "client_min_messages", value: "warning")

    var sessionSettings: [(name: String, value: String)] {
        let fixed = [Self.encoding, Self.warnings]
        return settings.filter { chosen in !fixed.contains { $0.name == chosen.name.lowercased() } } + fixed
    }
}
