import Hummingbird
import MessageQueue

/// What waits behind a blocked key, in its order.
struct HeldMessagesPage {
    let desk: QueueDesk

    private static let limit = 50
    private static let refresh = Duration.seconds(5)

    func add(to router: some RouterMethods) {
        router.get("queues/:name/held") { request, context in
            let (name, fields) = (try QueuePage.name(in: context), try Fields(query: request))
            guard let key = fields["key"] else { throw Refusal(.badRequest, "No key was given.") }
            let after: Int64 = try fields.number("after") ?? 0
            let question = desk.path("/queues/\(name.text.queryEscaped)/held", ["key": key, "after": "\(after)"])
            let messages = try await desk.shared(question, refresh: Self.refresh) { [broker = desk.broker] in
                try await broker.blockedMessages(of: name, key: key, after: after, limit: Self.limit)
            }
            return desk.page(
                "Held in \(name)", refresh: Self.refresh,
                [table(messages, key), next(messages, name, key), desk.back(to: name)])
        }
    }

    private func table(_ messages: [BlockedMessage], _ key: String) -> HTML {
        HTML.table(
            "What waits behind key \(key), in its order", ["Message", "#Next attempt", "Tag", "Sent"],
            messages.map { message in
                let id = "\(message.message)"
                return [
                    .link("…" + id.suffix(12), to: desk.path("/messages/\(id)")), .text("\(message.attempt)"),
                    .text(message.tag ?? "–"), .time(DateText(message.sentAt)),
                ]
            }, empty: "Nothing waits behind this key: it isn't blocked, or its messages are in flight.")
    }

    private func next(_ messages: [BlockedMessage], _ name: QueueName, _ key: String) -> HTML {
        guard messages.count == Self.limit, let last = messages.last else { return .text("") }
        let path = desk.path(
            "/queues/\(name.text.queryEscaped)/held", ["key": key, "after": "\(last.place)"])
        return .paragraph(.link("Next", to: path))
    }
}
