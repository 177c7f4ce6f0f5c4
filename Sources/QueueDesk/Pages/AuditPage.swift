import Hummingbird
import MessageQueue

/// Who did what, the latest first.
struct AuditPage {
    let desk: QueueDesk

    private static let limit = 100

    func add(to router: some RouterMethods) {
        router.get("audit") { request, _ in
            let fields = try Fields(query: request)
            let actions = try await desk.broker.operatorActions(
                before: try fields.number("before") ?? .max, queue: fields["queue"].map { QueueName($0) },
                limit: Self.limit)
            return desk.page(
                "Audit", at: "/audit", refresh: .seconds(5), [table(actions), older(actions, fields["queue"])])
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
