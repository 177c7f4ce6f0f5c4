import ArgumentParser
import Foundation
import MessageQueue
import Terminal

struct ShowMessage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows all of a message: headers, body, every attempt, and what has the same key.")

    @Argument(help: "The message's id.", transform: Self.message)
    var id: MessageID
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        guard let record = try await connection.withDatabase({ try await Broker($0).inspect(id) }) else {
            throw ValidationError("Nothing is known of \(id): it never was, or is older than the retention.")
        }
        let report = MessageReport(record)
        try output.show(report, text: report.text)
        guard !output.json else { return }
        Output.print(Table(attempts: record.attempts).lines.joined(separator: "\n"))
        if !record.kept.isEmpty {
            Output.print("\nWhat became of it, kept with the dead letter:")
            Output.print(Table(kept: record.kept).lines.joined(separator: "\n"))
        }
        if record.related.count > record.attempts.count {
            Output.print("\nWith the same key:")
            Output.print(Table(attempts: record.related).lines.joined(separator: "\n"))
        }
    }

    static func message(_ text: String) throws -> MessageID {
        guard let id = MessageID(text) else { throw ValidationError("\(text) is no message id (a UUID).") }
        return id
    }
}

private struct MessageReport: Encodable {
    let message: String
    let topic, key, tag: String?
    let sentAt: Date
    let headers: [String: String]
    /// Text when it is UTF-8, else Base64.
    let body: String
    let attempts, related: [TraceEntry]
    /// What its dead letters keep of its attempts.
    let kept: [KeptAttempt]

    init(_ record: MessageRecord) {
        message = record.message.id.description
        (topic, key, tag) = (record.message.topic, record.message.key, record.message.tag)
        sentAt = record.message.sentAt
        headers = record.message.headers
        let bytes = record.message.body
        body = String(validating: bytes, as: UTF8.self) ?? Data(bytes).base64EncodedString()
        (attempts, related, kept) = (record.attempts, record.related, record.kept)
    }

    var text: String {
        let facts: [(String, String?)] = [
            ("message", message), ("topic", topic), ("key", key), ("tag", tag), ("sent", sentAt.ISO8601Format()),
            ("headers", headers.isEmpty ? nil : headers.map { "\($0)=\($1)" }.sorted().joined(separator: ", ")),
            ("body", body),
        ]
        let lines = facts.compactMap { name, value in
            value.map { name.padding(toLength: 10, withPad: " ", startingAt: 0) + $0.visibleLine }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Table {
    fileprivate init(kept attempts: [KeptAttempt]) {
        self.init(
            [.text("FINISHED"), .text("QUEUE"), .number("TRY"), .text("OUTCOME")],
            rows: attempts.map { attempt in
                let outcome = attempt.outcome?.rawValue ?? "-"
                return [
                    attempt.finishedAt?.clockText ?? "-", attempt.queue.text, "\(attempt.attempt)",
                    attempt.error.map { "\(outcome): \($0)" } ?? outcome,
                ]
            })
    }
}
