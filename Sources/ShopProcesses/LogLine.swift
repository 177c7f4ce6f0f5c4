import Foundation

/// A line of a process's log, in whichever of the formats it is written.
struct LogLine {
    let text: String
    /// Of a level that says so, or with an error beside it: libraries log no higher than at info.
    let tellsOfTrouble: Bool

    private static let levels: Set<String> = ["warning", "error", "critical"]

    private struct Fields: Decodable {
        struct Metadata: Decodable { let error: String? }
        let level: String
        let metadata: Metadata?
    }

    init(_ line: Substring) {
        text = String(line)
        if line.hasPrefix("{"), let fields = try? JSONDecoder().decode(Fields.self, from: Data(line.utf8)) {
            tellsOfTrouble = Self.levels.contains(fields.level) || fields.metadata?.error != nil
        } else {
            // The time, the level, the label and its colon.
            let words = line.split(separator: " ", maxSplits: 3)
            let isOfLog = words.count == 4 && words[2].hasSuffix(":")
            tellsOfTrouble = isOfLog && Self.levels.contains(String(words[1])) || line.contains(" error=")
        }
    }
}
