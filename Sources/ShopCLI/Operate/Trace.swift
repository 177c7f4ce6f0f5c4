import ArgumentParser
import Foundation
import MessageQueue
import Postgres

struct Trace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows every attempt of every message of an order or another key, or of one message.")

    @Argument(help: "The id of an order or of a message, or a key as it was sent.")
    var id: String
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let entries = try await connection.withDatabase { try await Broker($0).trace(id) }
        if entries.isEmpty, !output.json {
            throw ValidationError("Nothing is known of \(id): it never was, or is older than the retention.")
        }
        try output.show(entries) {
            Table(attempts: entries)
        }
    }
}

extension Table {
    /// Attempts, a line each.
    init(attempts: [TraceEntry]) {
        self.init(
            [
                .text("APPENDED"), .text("QUEUE"), .text("MESSAGE"), .number("TRY"), .number("WAITED"),
                .number("TOOK"), .text("OUTCOME"), .text("WORKER"),
            ],
            rows: attempts.map(\.cells))
    }
}

extension TraceEntry {
    fileprivate var cells: [String] {
        [
            appendedAt.clockText, queue.text, String("\(message)".suffix(12)), "\(attempt)",
            Self.span(appendedAt, claimedAt), Self.span(claimedAt, finishedAt),
            error.map { "\(outcome): \($0)" } ?? "\(outcome)", worker ?? "-",
        ]
    }

    private static func span(_ start: Date?, _ end: Date?) -> String {
        guard let start, let end else { return "-" }
        return Span(seconds: max(0, end.timeIntervalSince(start))).text
    }
}
