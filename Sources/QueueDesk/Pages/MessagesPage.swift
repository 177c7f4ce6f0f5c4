import Hummingbird
import MessageQueue

/// Finds messages: by id or key over all queues, else in a queue or under a topic.
struct MessagesPage {
    let desk: QueueDesk

    private static let limit = 50
    private static let traceLimit = 200
    /// What one transaction sent has one time: of so many read at once, no attempt is on two pages or on none.
    private static let traceStep = 1000
    /// A page costs what it passes over.
    private static let traceReach = 10_000

    func add(to router: some RouterMethods) {
        router.get("messages") { request, _ in
            let fields = try Fields(query: request)
            let reading = await desk.readings.known()
            let results = try await results(fields)
            return desk.page("Messages", at: "/messages", [form(fields, reading)] + results)
        }
    }

    private func results(_ fields: Fields) async throws -> [HTML] {
        if let text = fields["q"] {
            return try await trace(fields.verbatim("q") ?? text, or: text, past: try fields.number("past") ?? 0)
        }
        guard let search = try search(fields) else {
            return [HTML("p", ["class": "empty"], ["Say an id or a key, or choose a queue or a topic."])]
        }
        let position = try fields["from"].map { text in
            guard let position = SearchPosition(text) else { throw Refusal(.badRequest, "No page ends like that.") }
            return position
        }
        let page = try await desk.broker.find(search, from: position, limit: Self.limit)
        return [
            AttemptTable(desk: desk, caption: "Attempts, the newest first", entries: page.entries).html,
            HTML("p", [:], [.text("Looked at: \(CountText(page.examined, "attempt"))."), " ", older(page, fields)]),
        ]
    }

    /// A key may begin or end with a blank; where none does, the blanks came with what was pasted.
    private func trace(_ typed: String, or trimmed: String, past: Int) async throws -> [HTML] {
        let past = min(max(past, 0), Self.traceReach - Self.traceLimit)
        let end = past + Self.traceLimit
        let limit = (end / Self.traceStep + 1) * Self.traceStep
        var (text, entries) = (typed, try await desk.broker.trace(typed, limit: limit))
        if entries.isEmpty, typed != trimmed {
            (text, entries) = (trimmed, try await desk.broker.trace(trimmed, limit: limit))
        }
        let caption = "Everything with id or key \(text), the newest first"
        let shown = Array(entries.reversed().dropFirst(past).prefix(Self.traceLimit))
        return [
            entries.isEmpty ? "" : .paragraph(.link("As a timeline", to: desk.path("/timeline", ["key": text]))),
            AttemptTable(desk: desk, caption: caption, entries: shown).html,
            entries.isEmpty ? "" : HTML("p", [:], [older(text, past: end, of: entries.count)]),
        ]
    }

    private func older(_ text: String, past: Int, of count: Int) -> HTML {
        guard count > past else { return "That is all there is." }
        guard past < Self.traceReach else { return .text("There are more: the latest \(Self.traceReach) are shown.") }
        return .link("Look further back", to: desk.path("/messages", ["q": text, "past": "\(past)"]))
    }

    private func search(_ fields: Fields) throws -> MessageSearch? {
        let queue = fields["queue"].map { MessageSearch.Place.queue(QueueName($0)) }
        guard let place = queue ?? fields["topic"].map({ MessageSearch.Place.topic(TopicName($0)) }) else { return nil }
        return MessageSearch(
            place, since: try fields.time("since"), until: try fields.time("until"), tag: fields["tag"],
            outcome: try outcome(fields), error: fields["error"])
    }

    private func outcome(_ fields: Fields) throws -> TraceEntry.Outcome? {
        guard let text = fields["outcome"] else { return nil }
        guard let outcome = TraceEntry.Outcome(rawValue: text) else {
            throw Refusal(.badRequest, "\(text) is no outcome.")
        }
        return outcome
    }

    private func older(_ page: SearchPage, _ fields: Fields) -> HTML {
        guard let next = page.next else { return "That is all there is." }
        let path = desk.path(
            "/messages",
            [
                "queue": fields["queue"], "topic": fields["topic"], "since": fields["since"], "until": fields["until"],
                "tag": fields["tag"], "outcome": fields["outcome"], "error": fields["error"], "from": "\(next)",
            ])
        return .link("Look further back", to: path)
    }

    private func form(_ fields: Fields, _ reading: Reading?) -> HTML {
        HTML(
            "form", ["method": "get", "action": desk.path("/messages"), "class": "search", "role": "search"],
            [
                .field("Id or key", .input("q", fields["q"], type: "search")),
                .field(
                    "Queue",
                    .choice("queue", reading?.queues.map(\.queue.text), chosen: fields["queue"], none: "none")),
                .field(
                    "Topic", .choice("topic", reading?.topicNames.map(\.text), chosen: fields["topic"], none: "none")),
                .field("Since (UTC)", .input("since", fields["since"], type: "datetime-local")),
                .field("Until (UTC)", .input("until", fields["until"], type: "datetime-local")),
                .field("Tag", .input("tag", fields["tag"])),
                .field(
                    "Outcome",
                    .select("outcome", MessageSearch.outcomes.map(\.rawValue), chosen: fields["outcome"], none: "any")),
                .field("Text of the error", .input("error", fields["error"])),
                HTML("button", [:], ["Find"]),
            ])
    }
}
