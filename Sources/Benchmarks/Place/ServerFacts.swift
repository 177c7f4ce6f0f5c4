import Postgres

/// The server that was measured: its version, and the settings that numbers depend on.
public struct ServerFacts: Codable, Sendable, Equatable {
    public let version: String
    public let settings: [String: String]

    private static let names = [
        "autovacuum", "full_page_writes", "fsync", "max_connections", "max_wal_size", "shared_buffers",
        "synchronous_commit", "wal_level",
    ]

    init(version: String, settings: [String: String]) {
        self.version = version
        self.settings = settings
    }

    init(of database: some DatabaseAccess, storage: String) async throws {
        let settings = try await database.query(
            "SELECT name, current_setting(name) FROM unnest($1::text[]) AS name", Self.names + ["server_version"]
        ) { row in (try row[0, as: String.self], try row[1, as: String.self]) }
        var found = Dictionary(settings) { first, _ in first }
        version = found.removeValue(forKey: "server_version") ?? ""
        found["storage"] = storage
        self.settings = found
    }

    /// The version and where the files lie, in a few words.
    var name: String { "PostgreSQL \(version)\(settings["storage"].map { ", \($0)" } ?? "")" }

    /// In lines of at most 100 columns.
    public var text: String {
        let pairs = settings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return pairs.reduce(into: ["PostgreSQL \(version)"]) { lines, pair in
            let line = "\(lines[lines.count - 1]), \(pair)"
            if line.count <= 100 { lines[lines.count - 1] = line } else { lines.append(pair) }
        }.joined(separator: "\n")
    }
}
