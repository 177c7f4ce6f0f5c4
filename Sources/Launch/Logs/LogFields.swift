import Foundation
import Logging
import Terminal

/// What a log line says, before it is written in one of the formats.
struct LogFields {
    let time: Date
    let level: Logger.Level
    let label: String
    let message: String
    let metadata: Logger.Metadata

    func line(_ format: LogFormat) -> String {
        switch format {
        case .readable: readable
        case .json: json
        }
    }

    /// One line for eyes; a value with blanks, quotes or line breaks is quoted, so that a line stays a line, and nothing in it
    /// steers the terminal that it is shown on.
    private var readable: String {
        let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quotedIfNeeded("\($0.value)"))" }
        return "\(timestamp) \(level) \(label): \(Self.oneLine(message))\(pairs.joined())\n"
    }

    /// One JSON object in a line for machines.
    private var json: String {
        let object: JSONText = .object([
            ("time", .string(timestamp)), ("level", .string(level.rawValue)), ("label", .string(label)),
            ("message", .string(message)), ("metadata", JSONText(metadata)),
        ])
        return object.text + "\n"
    }

    private var timestamp: String {
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    private static func quotedIfNeeded(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != 0x7F }
        return (isPlain ? text : JSONText.string(text).text).visibleLine
    }

    private static func oneLine(_ text: String) -> String {
        (text.contains(where: \.isNewline) ? JSONText.string(text).text : text).visibleLine
    }
}

/// JSON with the order of its keys kept, which makes log lines easy to compare.
private enum JSONText {
    case string(String)
    case array([JSONText])
    case object([(String, JSONText)])

    init(_ metadata: Logger.Metadata) {
        self = .object(metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONText($0.value)) })
    }

    init(_ value: Logger.MetadataValue) {
        switch value {
        case .string(let text): self = .string(text)
        case .stringConvertible(let convertible): self = .string(convertible.description)
        case .array(let values): self = .array(values.map(JSONText.init))
        case .dictionary(let metadata): self = JSONText(metadata)
        }
    }

    var text: String {
        switch self {
        case .string(let text): "\"\(Self.escaped(text))\""
        case .array(let values): "[\(values.map(\.text).joined(separator: ","))]"
        case .object(let members):
            "{\(members.map { "\"\(Self.escaped($0.0))\":\($0.1.text)" }.joined(separator: ","))}"
        }
    }

    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20: result += String(format: "\\u%04x", scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}
