import HTTPTypes
import Hummingbird
import MessageQueue

/// Delivers now what is not due yet, or cancels it: told first, done once confirmed.
struct ScheduledMessageActions {
    let desk: QueueDesk

    func add(to router: some RouterMethods) {
        for action in Action.allCases {
            router.get("queues/:name/scheduled/\(action.rawValue)") { request, context in
                try preview(action, try QueuePage.name(in: context), try Fields(query: request))
            }
            router.post("queues/:name/scheduled/\(action.rawValue)") { request, context in
                let fields = try await Fields(body: request, listing: ["receipt"])
                return try await act(action, try QueuePage.name(in: context), fields)
            }
        }
        router.get("queues/:name/hasten") { _, context in try await previewAll(try QueuePage.name(in: context)) }
        router.post("queues/:name/hasten") { _, context in try await hastenAll(try QueuePage.name(in: context)) }
    }

    private enum Action: String, CaseIterable {
        case hasten, cancel

        var title: String { self == .hasten ? "Deliver now" : "Cancel what is not due yet" }

        func consequence(of count: Int) -> String {
            let messages = CountText(count, "message")
            return switch self {
            case .hasten: "\(messages) will be due at once. What is delivered meanwhile stays as it is."
            case .cancel:
                "\(messages) will not be delivered any more, and deleted for ever; what they stand for is not done."
            }
        }
    }

    private static func receipts(_ fields: Fields) throws -> [ScheduledReceipt] {
        let receipts = try fields.all("receipt").map { text in
            guard let receipt = ScheduledReceipt(text) else {
                throw Refusal(.badRequest, "\(text) is no receipt of a message that waits until it is due.")
            }
            return receipt
        }
        guard !receipts.isEmpty else { throw Refusal(.badRequest, "None was chosen.") }
        return receipts
    }

    private func preview(
        _ action: Action, _ name: QueueName, _ fields: Fields, note: String? = nil
    ) throws -> Response {
        guard Visitor.mayChange else { throw Refusal.onlyReads }
        let receipts = try Self.receipts(fields)
        let consent = action == .cancel ? [HTML.consent("I want them cancelled")] : []
        let button = HTML.button(action == .cancel ? "Cancel them" : "Deliver now", isDangerous: action == .cancel)
        return desk.page(
            action.title,
            [
                note.map(HTML.alert) ?? "",
                HTML("p", ["class": "consequence"], [.text(action.consequence(of: receipts.count))]),
                desk.form(
                    "\(path(name))/\(action.rawValue)",
                    receipts.map { HTML.hidden("receipt", "\($0)") } + consent + [button]),
                .paragraph(.link("Back to what is not due yet", to: desk.path(path(name)))),
            ])
    }

    private func act(_ action: Action, _ name: QueueName, _ fields: Fields) async throws -> Response {
        guard action == .hasten || fields["sure"] == "yes" else {
            return try preview(action, name, fields, note: "Say that you are sure. Nothing was done yet.")
        }
        let receipts = try Self.receipts(fields)
        let done = try await desk.acting { try await carryOut(action, on: receipts, in: name) }
        guard !done.isEmpty else { throw Refusal(.conflict, "None of them waits any more.") }
        return desk.seeOther(path(name))
    }

    private func carryOut(
        _ action: Action, on receipts: [ScheduledReceipt], in name: QueueName
    ) async throws -> [MessageID] {
        switch action {
        case .hasten: try await desk.broker.hasten(receipts, in: name)
        case .cancel: try await desk.broker.cancel(receipts, in: name)
        }
    }

    private func path(_ name: QueueName) -> String { "/queues/\(name.text.queryEscaped)/scheduled" }

    // MARK: All that wait for another attempt

    private func previewAll(_ name: QueueName) async throws -> Response {
        guard Visitor.mayChange else { throw Refusal.onlyReads }
        let count = try await desk.broker.statistics(of: name).retrying
        return desk.page(
            "Deliver now what waits for another attempt",
            [
                HTML("p", ["class": "consequence"], [.text("About \(Action.hasten.consequence(of: count))")]),
                .paragraph("What fails again waits for its back-off again. What was only sent with a delay keeps it."),
                desk.form("/queues/\(name.text.queryEscaped)/hasten", [.button("Deliver now")]), desk.back(to: name),
            ])
    }

    /// Many take longer than a page waits: it has begun when the page is answered.
    private func hastenAll(_ name: QueueName) async throws -> Response {
        let number = try await desk.acting {
            let someone = Operator.current
            return try await desk.errands.begin { [broker = desk.broker] begun in
                try await Operator.$current.withValue(someone) {
                    _ = try await broker.hasten(retryingIn: name, onBegin: begun)
                }
            }
        }
        return desk.seeOther(number.map { "/actions/\($0)" } ?? "/audit")
    }
}
