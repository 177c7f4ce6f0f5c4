import Hummingbird
import MessageQueue

/// Who did what, the latest first.
struct AuditPage {
    let desk: QueueDesk

    private static let limit = 100
    private static let refresh = Duration.seconds(5)

    func add(to router: some RouterMethods) {
        router.get("audit") { request, _ in
            let fields = try Fields(query: request)
            let actions = try await actions(asked: fields)
            return desk.page(
                "Audit", at: "/audit", refresh: Self.refresh,
                [form(fields), table(actions, fields), older(actions, fields)])
        }
    }

    private func actions(asked fields: Fields) async throws -> [OperatorAction] {
        let (before, verb) = (try fields.number("before") ?? Int64.max, try Self.verb(fields))
        let question = desk.path(
            "/audit",
            ["before": fields["before"], "queue": fields["queue"], "by": fields["by"], "verb": fields["verb"]])
        return try await desk.shared(question, refresh: Self.refresh) { [broker = desk.broker] in
            try await broker.operatorActions(
                before: before, queue: fields["queue"].map { QueueName($0) }, by: fields["by"], verb: verb,
                limit: Self.limit)
        }
    }

    private static func verb(_ fields: Fields) throws -> OperatorAction.Verb? {
        guard let text = fields["verb"] else { return nil }
        guard let verb = OperatorAction.Verb(rawValue: text) else {
            throw Refusal(.badRequest, "\(text) is nothing that operators do.")
        }
        return verb
    }

    private func form(_ fields: Fields) -> HTML {
        let verbs = OperatorAction.Verb.allCases.map(\.rawValue)
        return HTML(
            "form", ["method": "get", "action": desk.path("/audit"), "class": "search", "role": "search"],
            [
                .field("By", .input("by", fields["by"])),
                .field("Did", .select("verb", verbs, chosen: fields["verb"], none: "anything")),
                .field("Queue", .input("queue", fields["queue"])), .button("Filter"),
            ])
    }

    private func table(_ actions: [OperatorAction], _ fields: Fields) -> HTML {
        let isFiltered = ["by", "verb", "queue", "before"].contains { fields[$0] != nil }
        return HTML.table(
            "What operators did", ["Began", "By", "Through", "Did", "Queue", "#Messages", "More", "Standing"],
            actions.map { action in
                let more = action.detail.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
                return [
                    .time(DateText(action.beganAt)), .text(action.by?.name ?? action.role),
                    .text(action.by?.via ?? "–"),
                    .link(action.verb.rawValue, to: desk.path("/actions/\(action.number)")),
                    .text(action.queue?.text ?? "any"), .text("\(action.messages)"),
                    .text(more.joined(separator: ", ")),
                    .badge(action.standing.rawValue),
                ]
            }, empty: isFiltered ? "Nobody has done anything like that." : "Nobody has changed anything yet.")
    }

    private func older(_ actions: [OperatorAction], _ fields: Fields) -> HTML {
        guard actions.count == Self.limit, let last = actions.last else { return .text("") }
        let path = desk.path(
            "/audit",
            ["by": fields["by"], "verb": fields["verb"], "queue": fields["queue"], "before": "\(last.number)"])
        return .paragraph(.link("Older", to: path))
    }
}
