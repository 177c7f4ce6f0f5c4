import Foundation

/// A connection string, read as libpq reads it: with its service file, and with the environment (`PGHOST` and so on).
///
/// Anything that libpq takes: a URL or keywords, several hosts, TLS settings. Its description keeps secrets to itself.
public struct Conninfo: Sendable {
    let given: [LibPQOption]
    private let completed: [String: String]

    /// Reads a connection string, without connecting.
    ///
    /// - Throws: ``PostgresError`` of kind `invalidConnectionString` when libpq would refuse it. The message repeats nothing of
    ///   the string, in which a password may stand at any place once its form is broken.
    public init(_ text: String) throws(PostgresError) {
        // For libpq the string would end there.
        if text.utf8.contains(0) { throw Self.invalid("it has a NUL in it") }
        given = try Self.options(of: LibPQOption.given(in: text))
        let all = try Self.options(of: LibPQOption.completing(given))
        completed = Dictionary(all.map { ($0.keyword, $0.value) }) { _, last in last }
        try Self.checkDatabase(ofURL: text)
        try checkHosts()
        try checkNumbers()
        try checkWords()
    }

    /// The value of an option, wherever it comes from.
    subscript(keyword: String) -> String? { completed[keyword] }

    /// Whether the string itself says it.
    func gives(_ keyword: String) -> Bool { given.contains { $0.keyword == keyword } }

    /// In seconds; nil where nobody set a limit.
    var connectTimeout: Duration? {
        guard let seconds = self["connect_timeout"].flatMap({ Self.number(of: $0) }), seconds > 0 else { return nil }
        return .seconds(seconds)
    }

    /// Whether only a server that takes writes will do: unless it is said what it has to be, and then libpq looks for itself.
    var needsWrites: Bool {
        let isSaid = gives("target_session_attrs") || getenv("PGTARGETSESSIONATTRS") != nil
        return !isSaid && self["target_session_attrs"] ?? "any" == "any"
    }

    // MARK: Checking what libpq would only find while it connects

    /// libpq ends a URL's password at the first @, so the rest of one with a bare @ in it would be looked up, and told, as a host.
    private func checkHosts() throws(PostgresError) {
        let names = hosts.compactMap(\.name).filter { !$0.hasPrefix("/") && !$0.hasPrefix("@/") }
        if names.contains(where: { $0.dropFirst().contains("@") }) {
            throw Self.invalid("invalid host, with an @ in it (one in a password is written %40)")
        }
    }

    /// libpq looks for a URL's user and password ahead of the first /, so the rest of a password with a bare / in it
    /// would be taken, and told, as the name of a database.
    private static func checkDatabase(ofURL text: String) throws(PostgresError) {
        guard let scheme = ["postgresql://", "postgres://"].first(where: { text.hasPrefix($0) }) else { return }
        let path = text.dropFirst(scheme.count).drop { $0 != "/" && $0 != "?" }
        guard path.prefix(while: { $0 != "?" }).contains("@") else { return }
        throw invalid("invalid database name, with an @ in it (one is written %40; a / in a password is written %2F)")
    }

    private func checkNumbers() throws(PostgresError) {
        let ports = (self["port"] ?? "").split(separator: ",")
        guard ports.allSatisfy({ Self.number(of: $0).map { (1...65535).contains($0) } ?? false }) else {
            throw Self.invalid("invalid port")
        }
        for keyword in Self.numbers {
            if let value = self[keyword], Self.number(of: value) == nil { throw Self.invalid("invalid \(keyword)") }
        }
    }

    private func checkWords() throws(PostgresError) {
        for option in given {
            guard let words = Self.words[option.keyword], !words.contains(option.value) else { continue }
            throw Self.invalid("invalid \(option.keyword)")
        }
    }

    private static let numbers = [
        "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout",
    ]

    private static let words = [
        "gssencmode": ["disable", "prefer", "require"],
        "target_session_attrs": ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"],
        "load_balance_hosts": ["disable", "random"],
    ]

    private static func number(of text: some StringProtocol) -> Int32? {
        let words = text.split(whereSeparator: \.isWhitespace)
        return words.count == 1 ? Int32(words[0]) : nil
    }

    // MARK: Errors

    private static func options(of reading: LibPQOption.Reading) throws(PostgresError) -> [LibPQOption] {
        switch reading {
        case .options(let options): return options
        case .complaint(let complaint): throw invalid(ownWords(of: complaint))
        }
    }

    private static func invalid(_ reason: String) -> PostgresError {
        PostgresError(
            .invalidConnectionString,
            "the connection string is none that libpq takes" + (reason.isEmpty ? "" : ": \(reason)")
                + " (its text may hold a password and is not shown)")
    }

    /// What stands before the first quotation mark, in whichever language: behind it, libpq repeats a part of the string.
    private static func ownWords(of complaint: String) -> String {
        let own = complaint.unicodeScalars.prefix { $0.isASCII && $0 != "\"" && $0 != "\n" }
        let words = String(String.UnicodeScalarView(own)).split(separator: " ").joined(separator: " ")
        return words.hasSuffix(":") ? String(words.dropLast()) : words
    }
}

extension Conninfo: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The string's own options as keywords, with `***` for passwords.
    public var description: String {
        given.map { "\($0.keyword)=\(Self.quoted($0.isSecret ? "***" : $0.value))" }.joined(separator: " ")
    }

    /// As ``description``.
    public var debugDescription: String { description }

    /// What a dump may show.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }

    /// A connection string for showing, in logs, pages and listings: without its secrets.
    public static func masked(_ text: String) -> String {
        do { return try Conninfo(text).description } catch { return "(no connection string)" }
    }

    /// A text that somebody may have put in the wrong place, such as an argument of a command, for showing it: what looks like a
    /// connection string, well-formed or not, is told as ``masked(_:)`` tells it.
    package static func shown(_ text: String) -> String {
        let isURL = text.contains("postgres") && text.contains("://") || text.contains(":") && text.contains("@")
        return isURL || text.contains("passw") ? masked(text) : text
    }

    private static func quoted(_ value: String) -> String {
        let isPlain = value.allSatisfy { !$0.isWhitespace && $0 != "'" && $0 != "\\" }
        return isPlain ? value : "'\(value.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'"
    }
}
