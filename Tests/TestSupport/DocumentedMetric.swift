import Foundation

/// A metric as the article on metrics tells it.
public struct DocumentedMetric: Hashable, Sendable {
    public let name, kind, unit: String
    public let labels: [String]

    public init(name: String, kind: String, unit: String, labels: [String]) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.labels = labels
    }

    /// Whether the programs record it, and the library knows nothing of it.
    public var isOfPrograms: Bool { name.hasPrefix("http_") }

    /// Every one that the article has in its tables.
    public static func all() throws -> [DocumentedMetric] {
        let file = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "../../Sources/MessageQueue/MessageQueue.docc/Metrics.md")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            line.wholeMatch(of: #/\| `([a-z]+_[a-z_]+)` \| (\w+) \| ([^|]*) \| ([^|]*) ?\| .+ \|/#).map { match in
                DocumentedMetric(
                    name: String(match.1), kind: String(match.2), unit: String(match.3),
                    labels: match.4.matches(of: #/`(\w+)`/#).map { String($0.1) })
            }
        }
    }
}
