import Hummingbird
import MessageQueue
import Postgres

/// Dead letters: grouped by reason, filtered, one by one, and chosen to be sent back or deleted.
struct DeadLettersPage {
    let desk: QueueDesk

    private static let limit = 50
    /// As long as the page waits for counts.
    private static let patience = Duration.seconds(2)

    func add(to router: some RouterMethods) {
        router.get("dead") { request, _ in
            let fields = try Fields(query: request)
            let filter = try fields.deadLetters()
            let letters = try await desk.broker.deadLetterHeads(
                filter, after: try fields.number("after") ?? 0, limit: Self.limit)
            let groups = try await groups(of: filter.queue).map(groupTable) ?? Self.uncounted
            return desk.page(
                "Dead letters", at: "/dead",
                [groups, form(fields), all(letters, fields), list(letters), next(letters, fields)])
        }
    }

    /// Nil for more than can be counted in time: the letters are shown all the same.
    private func groups(of queue: QueueName?) async throws -> [DeadLetterGroup]? {
        do { return try await desk.broker.deadLetterGroups(of: queue, within: Self.patience) } catch let error
            as PostgresError where error.isOutOfTime
        { return nil }
    }

    private static var uncounted: HTML {
        .paragraph("By reason they are too many to count now. Those of one queue may be fewer.")
    }

    private func groupTable(_ groups: [DeadLetterGroup]) -> HTML {
        HTML.table(
            "By reason", ["Queue", "Reason", "#Letters", "First", "Last", ""],
            groups.map { group in
                let query: KeyValuePairs<String, String?> = ["queue": group.queue.text, "reason": group.reason]
                return [
                    .link(group.queue.text, to: desk.path("/queues/\(group.queue.text.queryEscaped)")),
                    .link(group.reason, to: desk.path("/dead", query)), .text("\(group.count)"),
                    .time(DateText(group.first)), .time(DateText(group.last)),
                    Visitor.mayChange
                        ? HTML(
                            "span", ["class": "row"],
                            [
                                .link("Redrive…", to: desk.path("/dead/redrive", query)),
                                .link("Purge…", to: desk.path("/dead/purge", query)),
                            ]) : "",
                ]
            }, empty: "There are no dead letters.")
    }

    private func form(_ fields: Fields) -> HTML {
        HTML(
            "form", ["method": "get", "action": desk.path("/dead"), "class": "search", "role": "search"],
            [
                .field("Queue", .input("queue", fields["queue"])), .field("Reason", .input("reason", fields["reason"])),
                .field("Key", .input("key", fields["key"])),
                .field("Text of the error", .input("error", fields["error"])),
                HTML("button", [:], ["Filter"]),
            ])
    }

    /// What was looked for is what is acted on, however many pages it fills.
    private func all(_ letters: [DeadLetterHead], _ fields: Fields) -> HTML {
        let query: KeyValuePairs<String, String?> = [
            "queue": fields["queue"], "reason": fields["reason"], "key": fields["key"], "error": fields["error"],
            "message": fields["message"],
        ]
        let isFiltered = query.contains { $0.value != nil } && fields.all("ticket").isEmpty
        guard Visitor.mayChange, isFiltered, !letters.isEmpty else { return "" }
        return HTML(
            "p", ["class": "row"],
            [
                .link("Redrive all that match…", to: desk.path("/dead/redrive", query)),
                .link("Purge all that match…", to: desk.path("/dead/purge", query)),
            ])
    }

    /// The boxes belong to one form, whose buttons lead to the previews: nothing is changed before it has been counted.
    private func list(_ letters: [DeadLetterHead]) -> HTML {
        guard !letters.isEmpty else { return .text("") }
        let caption = "Letters, the oldest first"
        let titles = ["Died", "Queue", "Message", "Key", "#Attempts", "Reason", "Error", ""]
        guard Visitor.mayChange else { return HTML.table(caption, titles, letters.map(row), empty: "") }
        let table = HTML.table(caption, ["Choose"] + titles, letters.map { [box($0)] + row($0) }, empty: "")
        return HTML(
            "form", ["method": "get", "action": desk.path("/dead/redrive")],
            [
                .hidden("chosen", "yes"), table,
                HTML(
                    "p", ["class": "row"],
                    [
                        HTML("button", [:], ["Redrive the chosen…"]),
                        HTML("button", ["formaction": desk.path("/dead/purge")], ["Purge the chosen…"]),
                    ]),
            ])
    }

    private func box(_ letter: DeadLetterHead) -> HTML {
        HTML(
            "input",
            [
                "type": "checkbox", "name": "ticket", "value": "\(letter.ticket)",
                "aria-label": "Choose message \(letter.message)",
            ])
    }

    private func row(_ letter: DeadLetterHead) -> [HTML] {
        let id = "\(letter.message)"
        return [
            .time(DateText(letter.diedAt)),
            .link(letter.queue.text, to: desk.path("/queues/\(letter.queue.text.queryEscaped)")),
            .link("…" + id.suffix(12), to: desk.path("/messages/\(id)")),
            letter.key.map { key in
                HTML("a", ["href": desk.path("/timeline", ["key": key]), "class": "key"], [.text(key)])
            } ?? "–",
            .text("\(letter.attempts)"), .text(letter.reason), .text(letter.error ?? ""),
            !Visitor.mayChange
                ? ""
                : .link("Send changed…", to: desk.path("/send", ["queue": letter.queue.text, "from": id])),
        ]
    }

    private func next(_ letters: [DeadLetterHead], _ fields: Fields) -> HTML {
        guard letters.count == Self.limit, let last = letters.last else { return .text("") }
        let path = desk.path(
            "/dead",
            [
                "queue": fields["queue"], "reason": fields["reason"], "key": fields["key"], "error": fields["error"],
                "message": fields["message"], "after": "\(last.ticket)",
            ])
        return HTML("p", [:], [.link("Next", to: path)])
    }
}
