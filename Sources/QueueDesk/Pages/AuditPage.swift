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
            return desk.page("Audit", at: "/audit", [Self.table(actions), older(actions, fields["queue"])])
        }
    }

    private static func table(_ actions: [OperatorAction]) -> HTML {
        HTML.table(
            "What operators did", ["Began", "By", "Through", "Did", "Queue", "Messages", "More", "Ended"],
            actions.map { action in
                let more = action.detail.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
                return [
                    .time(DateText(action.beganAt)), .text(action.by?.name ?? action.role),
                    .text(action.by?.via ?? "–"),
                    .text(action.verb.rawValue), .text(action.queue?.text ?? "any"), .text("\(action.messages)"),
                    .text(more.joined(separator: ", ")),
                    action.endedAt == nil ? "under way, or broken off" : .time(DateText(action.endedAt)),
                ]
            }, empty: "Nobody has changed anything yet.")
    }

    private func older(_ actions: [OperatorAction], _ queue: String?) -> HTML {
        guard actions.count == Self.limit, let last = actions.last else { return .text("") }
        return HTML("p", [:], [.link("Older", to: desk.path("/audit", ["before": "\(last.number)", "queue": queue]))])
    }
}
