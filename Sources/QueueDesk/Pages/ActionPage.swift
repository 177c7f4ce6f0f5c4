import Hummingbird
import MessageQueue

/// One action of an operator: how far it has come, what became of each message, and how to pause, resume or stop it.
struct ActionPage {
    let desk: QueueDesk

    private static let limit = 100
    private static let pause = Duration.seconds(2)

    /// Read together: a page that looks anew no more shows the end of both.
    private struct Seen: Sendable {
        let action: OperatorAction
        let messages: [RedrivenMessage]
    }

    func add(to router: some RouterMethods) {
        router.get("actions/:number") { request, context in
            try await show(try Self.number(in: context), try Fields(query: request))
        }
        router.post("actions/:number/pause") { _, context in
            try await steer(context) { try await desk.broker.pause(action: $0) }
        }
        router.post("actions/:number/resume") { _, context in
            try await steer(context) { try await desk.broker.resume(action: $0) }
        }
        router.post("actions/:number/limit") { request, context in
            let rate: Double? = try await Fields(body: request).number("rate")
            return try await steer(context) { try await desk.broker.limit(action: $0, to: rate) }
        }
        router.post("actions/:number/stop") { _, context in
            try await steer(context) { try await desk.broker.stop(action: $0) }
        }
    }

    private static func number(in context: some RequestContext) throws -> Int64 {
        guard let number = context.parameters.get("number", as: Int64.self) else { throw Refusal.nothingHere }
        return number
    }

    private func steer(
        _ context: some RequestContext, _ act: (Int64) async throws -> Bool
    ) async throws -> Response {
        let number = try Self.number(in: context)
        guard try await desk.acting({ try await act(number) }) else {
            throw Refusal(.conflict, "It has ended, or is nothing that can be paused.")
        }
        return desk.seeOther("/actions/\(number)")
    }

    private func read(_ number: Int64, after ticket: Int64) async throws -> Seen {
        let question = desk.path("/actions/\(number)", ["after": "\(ticket)"])
        return try await desk.shared(question, refresh: Self.pause) { [broker = desk.broker] in
            guard let action = try await broker.operatorAction(number) else { throw Refusal.nothingHere }
            return Seen(
                action: action, messages: try await broker.redriven(by: number, after: ticket, limit: Self.limit))
        }
    }

    private func show(_ number: Int64, _ fields: Fields) async throws -> Response {
        let seen = try await read(number, after: try fields.number("after") ?? 0)
        let (action, messages) = (seen.action, seen.messages)
        return desk.page(
            "Action \(number): \(action.verb.rawValue)", refresh: Self.refresh(action.standing, messages),
            [facts(action), buttons(action), table(messages, action), next(messages, number)])
    }

    /// What has come to its end is asked for no more: the action, and each message that is shown.
    static func refresh(_ standing: OperatorAction.Standing, _ messages: [RedrivenMessage]) -> Duration? {
        switch standing {
        case .underWay, .paused: return pause
        // Its process may only have been held up.
        case .brokenOff: return .seconds(30)
        case .ended:
            let ends: Set<TraceEntry.Outcome> = [.done, .dead, .deadLetter, .outdated, .purged]
            let isOver = messages.allSatisfy { message in message.attempt.map { ends.contains($0.outcome) } ?? true }
            return isOver ? nil : pause
        }
    }

    private func facts(_ action: OperatorAction) -> HTML {
        let detail = action.detail.sorted { $0.key < $1.key }.map { ($0.key, HTML.text($0.value)) }
        let matched = action.matched.map { " of \($0)" } ?? ""
        let facts: [(String, HTML?)] = [
            ("Standing", .badge(action.standing.rawValue)), ("Messages", .text("\(action.messages)\(matched)")),
            ("Messages a second, at most", action.rate.map { HTML.text("\($0)") }),
            ("Queue", action.queue.map { HTML.link($0.text, to: desk.path("/queues/\($0.text.queryEscaped)")) }),
            ("By", .text("\(action.by?.name ?? action.role), through \(action.by?.via ?? "a program")")),
            ("Began", .time(DateText(action.beganAt))), ("Ended", action.endedAt.map { .time(DateText($0)) }),
        ]
        return HTML([HTML.facts(facts + detail), progress(action)])
    }

    private func progress(_ action: OperatorAction) -> HTML {
        guard let matched = action.matched, matched > 0 else { return .text("") }
        return HTML(
            "progress", ["max": "\(matched)", "value": "\(action.messages)", "aria-label": "Messages so far"],
            [.text("\(action.messages) of \(matched)")])
    }

    private func buttons(_ action: OperatorAction) -> HTML {
        guard Visitor.mayChange, [.redrive, .purge].contains(action.verb) else { return .text("") }
        let path = "/actions/\(action.number)"
        switch action.standing {
        case .ended: return .text("")
        case .brokenOff:
            guard let query = ActionFilter(action.queue, action.detail)?.query else {
                return .paragraph(
                    "Its process is gone. What it has done stays. What it was to do can't be said here as it was said then: see above."
                )
            }
            return .paragraph(
                "Its process is gone. What it has done stays. ",
                .link("Do the rest…", to: desk.path("/dead/\(action.verb.rawValue)") + query))
        case .underWay:
            return HTML(
                "div", ["class": "row"],
                [desk.button("Pause", "\(path)/pause"), desk.button("Stop", "\(path)/stop"), pace(action)])
        case .paused:
            return HTML(
                "div", ["class": "row"],
                [desk.button("Resume", "\(path)/resume"), desk.button("Stop", "\(path)/stop"), pace(action)])
        }
    }

    private func pace(_ action: OperatorAction) -> HTML {
        guard action.verb == .redrive else { return .text("") }
        return desk.form(
            "/actions/\(action.number)/limit",
            [
                .field(
                    "At most so many a second (empty: as fast as it goes)",
                    .input("rate", action.rate.map { "\($0)" }, type: "number")),
                .button("Set the rate"),
            ])
    }

    private func table(_ messages: [RedrivenMessage], _ action: OperatorAction) -> HTML {
        guard action.verb == .redrive else { return .text("") }
        return HTML.table(
            "What became of each message", ["Message", "Queue", "Key", "Outcome", "Finished", "Error"],
            messages.map { message in
                let id = "\(message.message)"
                return [
                    .link("…" + id.suffix(12), to: desk.path("/messages/\(id)")), .text(message.queue.text),
                    message.attempt?.key.map { .link($0, to: desk.path("/timeline", ["key": $0])) } ?? "–",
                    .badge(message.attempt?.outcome.rawValue ?? "no longer known"),
                    .time(DateText(message.attempt?.finishedAt)), .text(message.attempt?.error ?? ""),
                ]
            }, empty: "Nothing has been sent back yet.")
    }

    private func next(_ messages: [RedrivenMessage], _ number: Int64) -> HTML {
        guard messages.count == Self.limit, let last = messages.last else { return .text("") }
        return .paragraph(.link("Next", to: desk.path("/actions/\(number)", ["after": "\(last.ticket)"])))
    }
}
