import Durations
import Foundation
import MessageQueue
import StrictJSON

/// A value as it is answered.
indirect enum JSONText: Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    case decimal(Double)
    case string(String)
    case array([JSONText])
    /// In this order.
    case object([(String, JSONText)])
    /// Handed on as somebody wrote it; known to be well formed.
    case written([UInt8])

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }
}

extension JSONText: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral elements: (String, JSONText)...) { self = .object(elements) }
}

/// What may be missing is told as `null`, so that every answer of a kind has the same members.
extension JSONText {
    static func of(_ text: (some CustomStringConvertible)?) -> JSONText { text.map { .string("\($0)") } ?? .null }
    static func of(_ number: Int?) -> JSONText { number.map { .integer($0) } ?? .null }
    static func of(_ number: Double?) -> JSONText { number.map { .decimal($0) } ?? .null }
    static func of(_ date: Date?) -> JSONText { .of(date.map { WireDate.text(of: $0) }) }
    static func of(_ texts: [String]?) -> JSONText { texts.map { .array($0.map { .string($0) }) } ?? .null }
    static func of(_ texts: [String: String]) -> JSONText {
        .object(texts.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
    }
    static func seconds(_ time: Duration?) -> JSONText { .of(time?.inSeconds) }

    func adding(_ members: [(String, JSONText)]) -> JSONText {
        guard case .object(let own) = self else { return self }
        return .object(own + members)
    }
}

extension JSONText {
    private func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .boolean(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let number): bytes += "\(number)".utf8
        case .decimal(let number): bytes += (Int(exactly: number).map { "\($0)" } ?? "\(number)").utf8
        case .string(let text): Self.write(text, to: &bytes)
        case .array(let elements):
            Self.write(elements, between: "[]", to: &bytes) { $0.write(to: &$1) }
        case .object(let members):
            Self.write(members, between: "{}", to: &bytes) { member, bytes in
                Self.write(member.0, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.1.write(to: &bytes)
            }
        case .written(let text): bytes += text
        }
    }

    private static func write<Part>(
        _ parts: [Part], between brackets: String, to bytes: inout [UInt8], _ write: (Part, inout [UInt8]) -> Void
    ) {
        bytes += brackets.utf8.prefix(1)
        for (number, part) in parts.enumerated() {
            if number > 0 { bytes.append(UInt8(ascii: ",")) }
            write(part, &bytes)
        }
        bytes += brackets.utf8.suffix(1)
    }

    private static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20: bytes += "\\u00\([byte].hex)".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// Times as they are read and written: RFC 3339, to the millisecond.
enum WireDate {
    private static let fine = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    private static let coarse = Date.ISO8601FormatStyle()

    static func text(of date: Date) -> String { date.formatted(fine) }

    static func parse(_ text: String) -> Date? { (try? fine.parse(text)) ?? (try? coarse.parse(text)) }
}
