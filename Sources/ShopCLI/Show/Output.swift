import ArgumentParser
import Foundation

/// How a command answers: a table for people, or JSON for programs.
struct Output: ParsableArguments {
    @Flag(help: "Answer in JSON.")
    var json = false

    /// Prints the one or the other.
    func show(_ value: some Encodable, _ table: () -> Table) throws {
        if json {
            try Self.printJSON(value)
        } else {
            print(table().lines.joined(separator: "\n"))
        }
    }

    /// Prints the one or the other.
    func show(_ value: some Encodable, text: String) throws {
        if json { try Self.printJSON(value) } else { print(text) }
    }

    static func printJSON(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
