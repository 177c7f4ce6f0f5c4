import Foundation
import MessageQueue

/// Attempts, a line each.
struct AttemptTable {
    let desk: QueueDesk
    let caption: String
    let entries: [TraceEntry]
    /// Whether each line tells whose it is; false where all are of one message.
    var namesMessages = true

    var html: HTML {
        let names = namesMessages ? ["Message", "Key", "Tag"] : []
        return HTML.table(
            caption, ["Appended", "Queue"] + names + ["#Attempt", "Outcome", "#Waited", "#Took", "Worker", "Error"],
            entries.map { entry in
                [
                    .time(DateText(entry.appendedAt)),
                    .link(entry.queue.text, to: desk.path("/queues/\(entry.queue.text.queryEscaped)")),
                ] + (namesMessages ? whose(entry) : []) + [
                    .text("\(entry.attempt)"), .badge(entry.outcome.rawValue),
                    .text(SpanText(from: entry.appendedAt, to: entry.claimedAt).text),
                    .text(SpanText(from: entry.claimedAt, to: entry.finishedAt).text),
                    HTML("span", ["class": "worker"], [.text(entry.worker ?? "–")]), .text(entry.error ?? ""),
                ]
            }, empty: "Nothing was found here.")
    }

    private func whose(_ entry: TraceEntry) -> [HTML] {
        let key = entry.key.map { key in
            HTML("a", ["href": desk.path("/timeline", ["key": key]), "class": "key"], [.text(key)])
        }
        return [
            .link("…" + "\(entry.message)".suffix(12), to: desk.path("/messages/\(entry.message)")), key ?? "–",
            .text(entry.tag ?? "–"),
        ]
    }
}
