package import Foundation

/// Attempts that failed alike: errors that differ in ids alone are one.
package struct ErrorGroup: Sendable, Encodable {
    /// The beginning of their error, with `…` for ids.
    package let error: String
    /// How many there are.
    package let attempts: Int
    package let first, last: Date?

    private init(_ error: String, _ entries: [TraceEntry]) {
        self.error = error
        attempts = entries.count
        let times = entries.map { $0.finishedAt ?? $0.appendedAt }
        (first, last) = (times.min(), times.max())
    }

    /// The longest part of the error that stands in all of theirs: what to look for.
    package var part: String {
        error.split(separator: "…").max { $0.count < $1.count }.map { String($0.prefix(100)) } ?? error
    }

    private static let most = 10

    /// Those of most attempts, the most first.
    package static func groups(of entries: [TraceEntry]) -> [ErrorGroup] {
        let failed = Dictionary(grouping: entries.filter { $0.error != nil }) { kind(of: $0.error ?? "") }
        let groups = failed.map { ErrorGroup($0, $1) }
        return Array(groups.sorted { ($0.attempts, $1.error) > ($1.attempts, $0.error) }.prefix(most))
    }

    private static func kind(of error: String) -> String {
        String(error.prefix(400)).replacing(/[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/, with: "…")
    }
}
