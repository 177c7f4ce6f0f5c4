import Foundation
import MessageQueue

/// Attempts, a line each.
struct AttemptTable {
    let desk: QueueDesk
    let caption: String
    let entries: [TraceEntry]

    var html: HTML {
        HTML.table(
            caption,
            ["Appended", "Queue", "Message", "Key", "Tag", "Attempt", "Outcome", "Waited", "Took", "Worker", "Error"],
            entries.map { entry in
                [
                    .time(DateText(entry.appendedAt)),
                    .link(entry.queue.text, to: desk.path("/queues/\(entry.queue.text.queryEscaped)")),
                    .link("…" + "\(entry.message)".suffix(12), to: desk.path("/messages/\(entry.message)")),
                    entry.key.map { .link($0, to: desk.path("/messages", ["q": $0])) } ?? "–", .text(entry.tag ?? "–"),
                    .text("\(entry.attempt)"), .badge(entry.outcome.rawValue),
                    .text(SpanText(from: entry.appendedAt, to: entry.claimedAt).text),
                    .text(SpanText(from: entry.claimedAt, to: entry.finishedAt).text), .text(entry.worker ?? "–"),
                    .text(entry.error ?? ""),
                ]
            }, empty: "Nothing was found here.")
    }
}
