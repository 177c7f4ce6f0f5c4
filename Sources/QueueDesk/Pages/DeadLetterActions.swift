import HTTPTypes
import Hummingbird
import MessageQueue

/// Redrive and purge: counted first, done once confirmed, and only to the letters that were counted.
struct DeadLetterActions {
    let desk: QueueDesk

    func add(to router: some RouterMethods) {
        router.get("dead/redrive") { request, _ in try await preview(.redrive, try Fields(query: request)) }
        router.get("dead/purge") { request, _ in try await preview(.purge, try Fields(query: request)) }
        router.post("dead/redrive") { request, _ in
            try await act(.redrive, try await Fields(body: request, listing: ["ticket"]))
        }
        router.post("dead/purge") { request, _ in
            try await act(.purge, try await Fields(body: request, listing: ["ticket"]))
        }
    }

    private enum Action: String {
        case redrive, purge

        var title: String { self == .redrive ? "Redrive dead letters" : "Purge dead letters" }

        func consequence(of count: Int) -> String {
            let letters = CountText(count, "dead letter")
            return switch self {
            case .redrive: "\(letters) will be sent back, as fresh messages with the same ids."
            case .purge: "\(letters) will be deleted for ever; what they stood for is not done."
            }
        }
    }

    private func preview(_ action: Action, _ fields: Fields, note: String? = nil) async throws -> Response {
        guard Visitor.mayChange else { throw Refusal.onlyReads }
        if let unsaid = Self.unsaid(in: fields) { return refused(action, unsaid) }
        let match = try await desk.broker.deadLetterMatch(try fields.deadLetters())
        let alert = note.map(HTML.alert)
        let content: [HTML] = [
            alert ?? "", HTML("p", ["class": "consequence"], [.text(action.consequence(of: match.count))]),
            HTML.facts(meant(by: fields)), confirmation(action, fields, match), back,
        ]
        return desk.page(action.title, content)
    }

    private var back: HTML { .paragraph(.link("Back to the dead letters", to: desk.path("/dead"))) }

    private static let filters = ["queue", "reason", "message", "key", "error"]

    /// What has to be said first; nil where it is clear which are meant. All of them are only where that is said:
    /// a form without a tick, or a link that lost its filter on the way, means none.
    private static func unsaid(in fields: Fields) -> String? {
        if fields["chosen"] == "yes", fields["ticket"] == nil {
            return "No dead letter was chosen: tick those that are meant."
        }
        let isSaid = fields["all"] == "yes" || (filters + ["ticket"]).contains { fields[$0] != nil }
        return isSaid ? nil : "Say which dead letters are meant: choose some, or filter them."
    }

    private func refused(_ action: Action, _ text: String) -> Response {
        desk.page(action.title, [.alert(text), back], status: .badRequest)
    }

    private func meant(by fields: Fields) -> [(String, HTML?)] {
        let tickets = fields.all("ticket")
        let given = Self.filters.map { ($0, fields[$0].map { HTML.text($0) }) }
        let all = given.allSatisfy { $0.1 == nil } && tickets.isEmpty
        return given + [
            ("chosen", tickets.isEmpty ? nil : .text("\(tickets.count)")), ("meant", all ? "every dead letter" : nil),
            ("none after ticket", fields["through"].map { HTML.text($0) }),
        ]
    }

    /// Carries the last letter that was counted: of as many others, which died since, nobody has seen any.
    private func confirmation(_ action: Action, _ fields: Fields, _ match: DeadLetterMatch) -> HTML {
        guard let last = match.lastTicket else { return .text("") }
        let same = (Self.filters + ["ticket", "chosen", "all"]).flatMap { name in
            fields.all(name).map { HTML.hidden(name, $0) }
        }
        let counted = [HTML.hidden("expected", "\(match.count)"), .hidden("through", "\(last)")]
        let rate = HTML.field(
            "At most so many a second (empty: as fast as it goes)", .input("rate", nil, type: "number"))
        let button = HTML.button(action == .purge ? "Purge" : "Redrive", isDangerous: action == .purge)
        return desk.form(
            "/dead/\(action.rawValue)",
            same + counted + (action == .redrive ? [rate] : []) + [
                .consent("I have looked at what they are"), button,
            ])
    }

    private func act(_ action: Action, _ fields: Fields) async throws -> Response {
        if let unsaid = Self.unsaid(in: fields) { return refused(action, unsaid) }
        guard fields["sure"] == "yes" else { return try await preview(action, fields, note: "Say that you are sure.") }
        let filter = try fields.deadLetters()
        let count = try await desk.broker.deadLetterCount(filter)
        guard filter.through != nil, try fields.number("expected") == count else {
            return try await preview(action, fields, note: "Meanwhile other letters are meant. Nothing was done yet.")
        }
        let rate: Double? = try fields.number("rate")
        if let rate, !(rate > 0) { throw Refusal(.badRequest, "The rate must be more than nothing.") }
        let number = try await desk.acting { try await begin(action, filter, rate, as: Operator.current) }
        // There was nothing to do any more.
        guard let number else { return desk.seeOther("/audit") }
        return desk.seeOther("/actions/\(number)")
    }

    /// It may take hours at a low rate: it goes on when the page is closed.
    private func begin(
        _ action: Action, _ filter: DeadLetterFilter, _ rate: Double?, as someone: Operator?
    ) async throws -> Int64? {
        try await desk.errands.begin { [broker = desk.broker] begun in
            try await Operator.$current.withValue(someone) {
                switch action {
                case .redrive: _ = try await broker.redrive(filter, rate: rate, onBegin: begun)
                case .purge: _ = try await broker.purge(filter, onBegin: begun)
                }
            }
        }
    }
}
