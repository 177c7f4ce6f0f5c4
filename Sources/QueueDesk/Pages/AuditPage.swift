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
            let actions = try await actions(before: try fields.number("before"), fields["queue"])
            return desk.page(
                "Audit", at: "/audit", refresh: Self.refresh, [table(actions), older(actions, fields["queue"])])
        }
    }

    private func actions(before number: Int64?, _ queue: String?) async throws -> [OperatorAction] {
        let question = desk.path("/audit", ["before": number.map { "\($0)" }, "queue": queue])
        return try await desk.shared(question, refresh: Self.refresh) { [broker = desk.broker] in
            try await broker.operatorActions(
                before: number ?? .max, queue: queue.map { QueueName($0) }, limit: Self.limit)
        }
    }

    private func table(_ actions: [OperatorAction]) -> HTML {
        HTML.table(
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
            }, empty: "Nobody has changed anything yet.")
    }

    private func older(_ actions: [OperatorAction], _ queue: String?) -> HTML {
        guard actions.count == Self.limit, let last = actions.last else { return .text("") }
        return HTML("p", [:], [.link("Older", to: desk.path("/audit", ["before": "\(last.number)", "queue": queue]))])
    }
}
