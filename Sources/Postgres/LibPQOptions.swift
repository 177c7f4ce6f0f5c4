import CLibPQ

/// One option of a connection, as libpq reads it. In the client this file and LibPQ.swift are all that names its functions.
struct LibPQOption: Sendable {
    let keyword: String
    let value: String
    /// Whether it must not be shown to anybody.
    let isSecret: Bool

    enum Reading { case options([LibPQOption]), complaint(String) }

    /// What a connection string says itself.
    static func given(in conninfo: String) -> Reading {
        var complaint: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(conninfo, &complaint) else {
            defer { PQfreemem(complaint) }
            return .complaint(complaint.map { String(cString: $0) } ?? "")
        }
        defer { PQconninfoFree(options) }
        return .options(all(of: options))
    }

    /// With what the service file, the environment and libpq itself add to what was given.
    ///
    /// libpq puts these together only when it is about to connect. So it is asked to, with a value that it has to refuse
    /// before it does; and with a password, or it would look for one.
    static func completing(_ given: [LibPQOption]) -> Reading {
        let refused = "not yet"
        let options = given.map { ($0.keyword, $0.value) } + [("password", refused), ("gssencmode", refused)]
        let started = withCStrings(options.map(\.0)[...]) { keywords in
            withCStrings(options.map(\.1)[...]) { values in PQconnectStartParams(keywords, values, 0) }
        }
        guard let started else { return .complaint("libpq is out of memory") }
        defer { PQfinish(started) }
        let complaint = String(cString: PQerrorMessage(started))
        guard complaint.contains(refused), let options = PQconninfo(started) else { return .complaint(complaint) }
        defer { PQconninfoFree(options) }
        return .options(all(of: options))
    }

    private static func all(of options: UnsafeMutablePointer<PQconninfoOption>) -> [LibPQOption] {
        var all: [LibPQOption] = []
        var next = options
        while let keyword = next.pointee.keyword {
            if let value = next.pointee.val, value.pointee != 0 {
                all.append(LibPQOption(String(cString: keyword), String(cString: value), shown: next.pointee.dispchar))
            }
            next += 1
        }
        return all
    }

    private init(_ keyword: String, _ value: String, shown: UnsafeMutablePointer<CChar>?) {
        self.keyword = keyword
        self.value = value
        // An asterisk is libpq's sign for a password. Newer versions have secrets that it counts as settings for experts.
        let isPassword = shown.map { String(cString: $0).contains("*") } ?? false
        isSecret = isPassword || ["scram_client_key", "scram_server_key", "oauth_client_secret"].contains(keyword)
    }
}
