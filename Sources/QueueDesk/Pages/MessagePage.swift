import Foundation
import Hummingbird
import MessageQueue

/// One message: what it says, every attempt, and what has the same key.
struct MessagePage {
    let desk: QueueDesk

    /// As much of a body is shown.
    private static let bodyLimit = 64 * 1024
    private static let attempts = 200

    func add(to router: some RouterMethods) {
        router.get("messages/:id") { _, context in
            guard let id = context.parameters.get("id").flatMap({ MessageID($0) }),
                let record = try await desk.broker.inspect(id, bodyLimit: Self.bodyLimit, limit: Self.attempts)
            else { throw Refusal.nothingHere }
            return desk.page("Message \(id)", at: nil, content(record))
        }
    }

    private func content(_ record: MessageRecord) -> [HTML] {
        let attempts = AttemptTable(desk: desk, caption: "Every attempt", entries: record.attempts).html
        let caption = "All with key \(record.message.key ?? "")"
        let related = AttemptTable(desk: desk, caption: caption, entries: record.related)
        return [
            HTML.facts(facts(record.message)),
            HTML("h2", [:], ["Body"]), BodyText(record).html, attempts,
            record.related.count > record.attempts.count ? related.html : "",
        ]
    }

    private func facts(_ message: Message) -> [(String, HTML?)] {
        let key = message.key.map { HTML.link($0, to: desk.path("/messages", ["q": $0])) }
        let own: [(String, HTML?)] = [
            ("Topic", message.topic.map { HTML.text($0) }), ("Key", key), ("Tag", message.tag.map { HTML.text($0) }),
            ("Sent", HTML.time(DateText(message.sentAt))),
        ]
        let headers = message.headers.sorted { $0.key < $1.key }
        return own + headers.map { ("Header \($0.key)", HTML.text($0.value)) }
    }
}

/// A body as it is read: JSON with its lines and indents, other text as it is, anything else by its bytes.
struct BodyText {
    private let bytes: [UInt8]
    private let size: Int

    init(_ record: MessageRecord) { (bytes, size) = (record.message.body, record.bodySize) }

    var html: HTML {
        HTML(
            "div", [:],
            [
                HTML("pre", ["class": "body", "tabindex": "0", "aria-label": "Body"], [.text(text)]),
                bytes.count < size ? HTML("p", [:], [.text("The first \(bytes.count) of \(size) bytes.")]) : "",
            ])
    }

    private var text: String {
        if let json = Self.pretty(bytes) { return json }
        return String(validating: bytes, as: UTF8.self) ?? Self.hexadecimal(bytes)
    }

    private static func pretty(_ bytes: [UInt8]) -> String? {
        guard let value = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed),
            let data = try? JSONSerialization.data(
                withJSONObject: value,
                options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes, .fragmentsAllowed])
        else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.prefix(4096).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
