import Hummingbird
import MessageQueue

/// What of a queue is not due yet, the soonest first, and chosen to be delivered now, or cancelled.
struct ScheduledMessagesPage {
    let desk: QueueDesk

    private static let limit = 50
    private static let refresh = Duration.seconds(5)

    func add(to router: some RouterMethods) {
        router.get("queues/:name/scheduled") { request, context in
            try await show(try QueuePage.name(in: context), try Fields(query: request))
        }
    }

    private func show(_ name: QueueName, _ fields: Fields) async throws -> Response {
        let position = try Self.position(fields)
        let question = desk.path("/queues/\(name.text.queryEscaped)/scheduled", ["from": fields["from"]])
        let page = try await desk.shared(question, refresh: Self.refresh) { [broker = desk.broker] in
            try await broker.scheduled(in: name, after: position, limit: Self.limit)
        }
        let queue = try await desk.shared(question, refresh: Self.refresh) { [broker = desk.broker] in
            try await broker.statistics(of: name)
        }
        return desk.page(
            "Not due yet in \(name)", refresh: Self.refresh,
            [counts(queue), list(page, of: name), next(page, of: name), desk.back(to: name)])
    }

    private static func position(_ fields: Fields) throws -> ScheduledPosition? {
        guard let text = fields["from"] else { return nil }
        guard let position = ScheduledPosition(text) else { throw Refusal(.badRequest, "No page ends like that.") }
        return position
    }

    private func counts(_ queue: QueueStatistics) -> HTML {
        let link = HTML.link(
            "Deliver all that wait for another attempt now…",
            to: desk.path("/queues/\(queue.queue.text.queryEscaped)/hasten"))
        return HTML(
            "p", ["class": "row"],
            [
                HTML("span", [:], [.text("\(queue.scheduled) never tried, \(queue.retrying) to be tried again.")]),
                Visitor.mayChange && queue.retrying > 0 ? link : "",
            ])
    }

    /// As at the dead letters, the boxes belong to one form, whose buttons lead to what will be done.
    private func list(_ page: ScheduledPage, of name: QueueName) -> HTML {
        let titles = ["Due", "Message", "Key", "Tag", "#Next attempt", "Sent"]
        let table = HTML.table(
            "The soonest first", Visitor.mayChange ? ["Choose"] + titles + [""] : titles,
            page.entries.map { entry in
                Visitor.mayChange ? [choice(of: entry)] + row(entry) + [actions(entry, of: name)] : row(entry)
            }, empty: "Nothing waits until it is due.")
        guard Visitor.mayChange, !page.entries.isEmpty else { return table }
        let path = "/queues/\(name.text.queryEscaped)/scheduled"
        return HTML(
            "form", ["method": "get", "action": desk.path("\(path)/hasten")],
            [
                table,
                HTML(
                    "p", ["class": "row"],
                    [
                        HTML("button", [:], ["Deliver the chosen now…"]),
                        HTML("button", ["formaction": desk.path("\(path)/cancel")], ["Cancel the chosen…"]),
                    ]),
            ])
    }

    private func choice(of entry: ScheduledEntry) -> HTML {
        HTML(
            "input",
            [
                "type": "checkbox", "name": "receipt", "value": "\(entry.receipt)",
                "aria-label": "Choose message \(entry.message)",
            ])
    }

    private func row(_ entry: ScheduledEntry) -> [HTML] {
        let id = "\(entry.message)"
        let key = entry.key.map { key in
            HTML("a", ["href": desk.path("/timeline", ["key": key]), "class": "key"], [.text(key)])
        }
        return [
            .time(DateText(entry.dueAt)), .link("…" + id.suffix(12), to: desk.path("/messages/\(id)")), key ?? "–",
            .text(entry.tag ?? "–"), .text("\(entry.attempt)"), .time(DateText(entry.sentAt)),
        ]
    }

    private func actions(_ entry: ScheduledEntry, of name: QueueName) -> HTML {
        let path = "/queues/\(name.text.queryEscaped)/scheduled"
        let query: KeyValuePairs<String, String?> = ["receipt": "\(entry.receipt)"]
        return HTML(
            "span", ["class": "row"],
            [
                .link("Deliver now…", to: desk.path("\(path)/hasten", query)),
                .link("Cancel…", to: desk.path("\(path)/cancel", query)),
            ])
    }

    private func next(_ page: ScheduledPage, of name: QueueName) -> HTML {
        guard let next = page.next else { return .text("") }
        let path = desk.path("/queues/\(name.text.queryEscaped)/scheduled", ["from": "\(next)"])
        return .paragraph(.link("Next", to: path))
    }
}

extension QueueDesk {
    /// From a page about something in a queue.
    func back(to queue: QueueName) -> HTML {
        .paragraph(.link("Back to the queue", to: path("/queues/\(queue.text.queryEscaped)")))
    }
}
