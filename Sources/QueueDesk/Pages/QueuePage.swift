import Foundation
import HTTPTypes
import Hummingbird
import MessageQueue

/// One queue: how it stands, how its last attempts went, and what can be done to it.
struct QueuePage {
    let desk: QueueDesk

    /// How many attempts are looked at for outcomes and times.
    private static let attempts = 500

    func add(to router: some RouterMethods) {
        router.get("queues/:name") { _, context in try await show(try Self.name(in: context)) }
        router.post("queues/:name/pause") { _, context in try await pause(try Self.name(in: context)) }
        router.post("queues/:name/resume") { _, context in try await resume(try Self.name(in: context)) }
        router.post("queues/:name/limit") { request, context in
            try await limit(try Self.name(in: context), try await Fields(body: request))
        }
        router.post("queues/:name/retry-key") { request, context in
            try await blocked(try Self.name(in: context), request) { try await desk.broker.retryBlocked($0, key: $1) }
        }
        router.post("queues/:name/skip-key") { request, context in
            try await blocked(try Self.name(in: context), request) { try await desk.broker.skipBlocked($0, key: $1) }
        }
    }

    private static func name(in context: some RequestContext) throws -> QueueName {
        guard let name = context.parameters.get("name")?.removingPercentEncoding else { throw Refusal.nothingHere }
        return QueueName(name)
    }

    private func show(_ name: QueueName) async throws -> Response {
        let reading = try await desk.readings.current()
        guard let queue = reading.queue(name) else { throw QueueError.unknownQueue(name) }
        let last = try await desk.broker.find(MessageSearch(.queue(name)), limit: Self.attempts)
        let blocked = try await desk.broker.blockedKeys(of: name, limit: 50)
        let live = LiveValues(reading)
        return desk.page(
            "Queue \(name)", at: nil,
            [
                numbers(of: name, live), LatencyTable(last.entries).html, actions(queue),
                keys(blocked, of: name),
                HTML(
                    "p", [:],
                    [HTML.link("All messages of this queue", to: desk.path("/messages", ["queue": name.text]))]),
                HTML("p", [:], [HTML.link("Its dead letters", to: desk.path("/dead", ["queue": name.text]))]),
            ])
    }

    private func numbers(of name: QueueName, _ live: LiveValues) -> HTML {
        let shown: [Measure] = [.waiting, .inFlight, .scheduled, .retrying, .held, .dead, .oldest, .rate, .state]
        return HTML(
            "dl", ["class": "numbers"],
            shown.flatMap { measure in
                [
                    HTML("dt", [:], [.text(measure == .rate ? "a second" : measure.rawValue)]),
                    live.place("dd", measure, of: name),
                ]
            })
    }

    // MARK: Changing it

    private func pause(_ name: QueueName) async throws -> Response {
        try await desk.acting { try await desk.broker.pause(name) }
        return desk.seeOther("/queues/\(name.text.queryEscaped)")
    }

    private func resume(_ name: QueueName) async throws -> Response {
        try await desk.acting { try await desk.broker.resume(name) }
        return desk.seeOther("/queues/\(name.text.queryEscaped)")
    }

    private func limit(_ name: QueueName, _ fields: Fields) async throws -> Response {
        let limits = QueueLimits(
            concurrency: try fields.number("concurrency"), rate: try fields.number("rate"),
            burst: try fields.number("burst"))
        try await desk.acting { try await desk.broker.limit(name, to: limits) }
        return desk.seeOther("/queues/\(name.text.queryEscaped)")
    }

    private func blocked(
        _ name: QueueName, _ request: Request, _ act: (QueueName, String) async throws -> Bool
    ) async throws -> Response {
        guard let key = try await Fields(body: request)["key"] else { throw Refusal(.badRequest, "No key was given.") }
        guard try await desk.acting({ try await act(name, key) }) else {
            throw Refusal(.conflict, "This key holds nothing: it isn't blocked, or its message is in flight.")
        }
        return desk.seeOther("/queues/\(name.text.queryEscaped)")
    }

    private func actions(_ queue: QueueStatistics) -> HTML {
        guard Visitor.mayChange else { return HTML("p", [:], ["You may read here, and change nothing."]) }
        let path = "/queues/\(queue.queue.text.queryEscaped)"
        let (verb, text) = queue.isPaused ? ("resume", "Resume deliveries") : ("pause", "Pause deliveries")
        return HTML(
            "section", ["class": "actions"],
            [
                HTML("h2", [:], ["Change it"]),
                desk.form("\(path)/\(verb)", [HTML("button", [:], [.text(text)])]),
                desk.form(
                    "\(path)/limit",
                    [
                        .field("At most in flight", .input("concurrency", nil, type: "number")),
                        .field("Deliveries a second", .input("rate", nil, type: "number")),
                        HTML("button", [:], ["Set limits"]),
                        HTML("small", [:], ["What is left empty is not limited."]),
                    ]),
            ])
    }

    private func keys(_ keys: [BlockedKey], of name: QueueName) -> HTML {
        guard !keys.isEmpty else { return .text("") }
        let path = "/queues/\(name.text.queryEscaped)"
        return HTML.table(
            "Blocked keys", ["Key", "Since", "Held", "Next try", "Error", ""],
            keys.map { key in
                let field = HTML("input", ["type": "hidden", "name": "key", "value": key.key])
                return [
                    .text(key.key), .time(DateText(key.since)), .text("\(key.held)"),
                    key.needsOperator ? "waits for you" : .time(DateText(key.retryAt)), .text(key.error ?? ""),
                    !Visitor.mayChange
                        ? ""
                        : HTML(
                            "div", ["class": "row"],
                            [
                                desk.form("\(path)/retry-key", [field, HTML("button", [:], ["Retry"])]),
                                desk.form("\(path)/skip-key", [field, HTML("button", [:], ["Skip"])]),
                            ]),
                ]
            }, empty: "")
    }
}
