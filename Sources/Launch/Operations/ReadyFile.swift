import Foundation

/// A file that exists while the process listens: `{"pid":4711,"address":"http://127.0.0.1:8080"}`.
struct ReadyFile: Sendable {
    let path: String

    private struct Content: Encodable {
        let pid: Int32
        let addresses: [String: String]

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(pid, forKey: Key(stringValue: "pid"))
            for (name, address) in addresses {
                try container.encode(address, forKey: Key(stringValue: name))
            }
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Writes all of it at once: who sees the file sees it whole.
    func write(_ addresses: [String: String]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let content = Content(pid: ProcessInfo.processInfo.processIdentifier, addresses: addresses)
        try encoder.encode(content).write(to: URL(filePath: path), options: .atomic)
    }

    func remove() {
        // It may be gone already, together with its directory.
        try? FileManager.default.removeItem(atPath: path)
    }
}
