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
            return desk.page("Message \(id)", content(record))
        }
    }

    private func content(_ record: MessageRecord) -> [HTML] {
        let relations = Relations(of: record)
        return [
            HTML.facts(facts(record.message)), actions(record), .heading("Body"), BodyText(record).html,
            attempts(record), kept(record.kept), cut(record),
            AttemptTable(desk: desk, caption: "What it came from", entries: relations.causes).html(
                ifAny: relations.causes),
            AttemptTable(desk: desk, caption: "What it caused", entries: relations.effects).html(
                ifAny: relations.effects),
        ]
    }

    private func attempts(_ record: MessageRecord) -> HTML {
        let all = record.attempts
        let isCut = all.count >= Self.attempts
        let table = AttemptTable(
            desk: desk, caption: isCut ? "The latest \(Self.attempts) attempts" : "Every attempt", entries: all,
            namesMessages: false)
        guard isCut else { return table.html }
        let search = desk.path("/messages", ["q": "\(record.message.id)"])
        return HTML([table.html, .paragraph("There may be more. ", .link("Look further back", to: search))])
    }

    /// Causes and effects are sought among the latest of the key.
    private func cut(_ record: MessageRecord) -> HTML {
        guard record.related.count >= Self.attempts, let key = record.message.key else { return .text("") }
        return .paragraph(
            .text("What it came from and what it caused: among the latest \(Self.attempts) attempts of its key. "),
            .link("Look further back", to: desk.path("/messages", ["q": key])))
    }

    /// Of a dead letter alone; the attempts above are gone once the log has dropped them.
    private func kept(_ attempts: [KeptAttempt]) -> HTML {
        guard !attempts.isEmpty else { return .text("") }
        return HTML.table(
            "What became of it, kept with the letter", ["Finished", "Queue", "#Attempt", "Outcome", "Error"],
            attempts.map { attempt in
                [
                    .time(DateText(attempt.finishedAt)), .text(attempt.queue.text), .text("\(attempt.attempt)"),
                    attempt.outcome.map { .badge($0.rawValue) } ?? "–", .text(attempt.error ?? ""),
                ]
            }, empty: "")
    }

    private func facts(_ message: Message) -> [(String, HTML?)] {
        let key = message.key.map { HTML.link($0, to: desk.path("/timeline", ["key": $0])) }
        let own: [(String, HTML?)] = [
            ("Topic", message.topic.map { HTML.text($0) }), ("Key", key), ("Tag", message.tag.map { HTML.text($0) }),
            ("Sent", HTML.time(DateText(message.sentAt))),
        ]
        let headers = message.headers.sorted { $0.key < $1.key }
        return own
            + headers.map { name, value in
                guard name == Draft.parentHeader, let parent = MessageID(value) else {
                    return ("Header \(name)", HTML.text(value))
                }
                return ("Made from", .link(value, to: desk.path("/messages/\(parent)")))
            }
    }

    private func actions(_ record: MessageRecord) -> HTML {
        let message = record.message
        let places = Set(record.attempts.map(\.queue.text)).sorted()
        let isDead = record.attempts.contains { $0.outcome == .deadLetter }
        let send = places.map { queue in
            HTML.link(
                "Send a changed copy to \(queue)…",
                to: desk.path("/send", ["queue": queue, "from": "\(message.id)"]))
        }
        let all =
            [message.key.map { HTML.link("Timeline of \($0)", to: desk.path("/timeline", ["key": $0])) }]
            + [isDead ? HTML.link("Its dead letters", to: desk.path("/dead", ["message": "\(message.id)"])) : nil]
            + (Visitor.mayChange ? send : [])
        return HTML("p", ["class": "row"], all.compactMap(\.self))
    }
}

extension AttemptTable {
    fileprivate func html(ifAny entries: [TraceEntry]) -> HTML { entries.isEmpty ? .text("") : html }
}

/// What a message came from and what it caused, as far as the key was passed on.
///
/// What a step sends is sent by the transaction that completes its message, and all that one transaction writes has the same time, to
/// the microsecond. It may be appended later: when it is delayed, or when all lanes are taken.
struct Relations {
    let causes, effects: [TraceEntry]

    init(of record: MessageRecord) {
        let id = record.message.id
        let others = record.related.filter { $0.message != id }
        let done = Set(record.attempts.filter { $0.outcome == .done }.compactMap(\.finishedAt))
        causes = others.filter { $0.outcome == .done && $0.finishedAt == record.message.sentAt }
        effects = Self.firsts(of: others.filter { done.contains($0.sentAt) })
    }

    /// Of all that is told of a message in a queue, the first.
    private static func firsts(of entries: [TraceEntry]) -> [TraceEntry] {
        var known: Set<[String]> = []
        return entries.filter { known.insert([$0.queue.text, "\($0.message)"]).inserted }
    }
}

/// A body as it is read: JSON with lines and indents, other text as it is, anything else by its bytes.
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
        IndentedJSON(bytes)?.text ?? String(validating: bytes, as: UTF8.self) ?? Self.hexadecimal(bytes)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.prefix(4096).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
