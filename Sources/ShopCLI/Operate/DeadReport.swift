import Foundation
import MessageQueue
import Terminal

/// A dead letter as it is shown.
struct DeadReport: Encodable {
    let ticket: Int64
    let queue: String
    let message: String
    let key, topic, tag: String?
    let attempts: Int
    let reason: String
    let error: String?
    let sentAt: Date
    let diedAt: Date
    let headers: [String: String]
    /// Text when it is UTF-8, else Base64.
    let body: String
    /// What became of each attempt, as JSON.
    let history: String?

    init(_ letter: DeadLetter) {
        ticket = letter.ticket
        queue = letter.queue.text
        message = letter.message.id.description
        (key, topic, tag) = (letter.message.key, letter.message.topic, letter.message.tag)
        attempts = letter.attempts
        reason = letter.reason
        error = letter.error
        sentAt = letter.message.sentAt
        diedAt = letter.diedAt
        headers = letter.message.headers
        body = String(validating: letter.message.body, as: UTF8.self) ?? Data(letter.message.body).base64EncodedString()
        history = letter.history
    }

    var reasonAndError: String { error.map { "\(reason): \($0)" } ?? reason }

    var text: String {
        let facts: [(String, String?)] = [
            ("ticket", "\(ticket)"),
            ("message", message), ("queue", queue), ("key", key), ("topic", topic), ("tag", tag),
            ("attempts", "\(attempts)"), ("reason", reasonAndError), ("sent", sentAt.ISO8601Format()),
            ("died", diedAt.ISO8601Format()),
            ("headers", headers.isEmpty ? nil : headers.map { "\($0)=\($1)" }.sorted().joined(separator: ", ")),
            ("body", body), ("history", history),
        ]
        return facts.compactMap { name, value in
            value.map { name.padding(toLength: 10, withPad: " ", startingAt: 0) + $0.visibleLine }
        }.joined(separator: "\n")
    }
}
