import ArgumentParser
import Foundation
import Terminal

/// How a command answers: a table for people, or JSON for programs. What people read can't steer their terminal.
struct Output: ParsableArguments {
    @Flag(help: "Answer in JSON.")
    var json = false

    /// Prints the one or the other.
    func show(_ value: some Encodable, _ table: () -> Table) throws {
        if json {
            try Self.printJSON(value)
        } else {
            Self.print(table().lines.joined(separator: "\n"))
        }
    }

    /// Prints the one or the other.
    func show(_ value: some Encodable, text: String) throws {
        if json { try Self.printJSON(value) } else { Self.print(text) }
    }

    static func printJSON(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        StandardStream.output.write(line: String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// For people.
    static func print(_ text: String) { StandardStream.output.write(line: text.visibleLines) }
}
