import HTTPTypes
import Hummingbird
import MessageQueue

/// What can be done to a queue.
struct QueueActions {
    let desk: QueueDesk

    func add(to router: some RouterMethods) {
        router.post("queues/:name/pause") { _, context in
            try await act(context) { try await desk.broker.pause($0) }
        }
        router.post("queues/:name/resume") { _, context in
            try await act(context) { try await desk.broker.resume($0) }
        }
        router.post("queues/:name/limit") { request, context in
            let limits = try Self.limits(try await Fields(body: request))
            return try await act(context) { try await desk.broker.limit($0, to: limits) }
        }
        router.get("queues/:name/purge") { _, context in try await preview(try QueuePage.name(in: context)) }
        router.post("queues/:name/purge") { request, context in
            try await purge(try QueuePage.name(in: context), try await Fields(body: request))
        }
        router.post("queues/:name/retry-key") { request, context in
            try await blocked(context, request) { try await desk.broker.retryBlocked($0, key: $1) }
        }
        router.post("queues/:name/skip-key") { request, context in
            try await blocked(context, request) { try await desk.broker.skipBlocked($0, key: $1) }
        }
    }

    private func act(
        _ context: some RequestContext, _ body: (QueueName) async throws -> Void
    ) async throws -> Response {
        let name = try QueuePage.name(in: context)
        try await desk.acting { try await body(name) }
        return back(to: name)
    }

    private func back(to name: QueueName) -> Response { desk.seeOther("/queues/\(name.text.queryEscaped)") }

    private static func limits(_ fields: Fields) throws -> QueueLimits {
        QueueLimits(
            concurrency: try fields.number("concurrency"), rate: try fields.number("rate"),
            burst: try fields.number("burst"))
    }

    private func blocked(
        _ context: some RequestContext, _ request: Request, _ act: (QueueName, String) async throws -> Bool
    ) async throws -> Response {
        let name = try QueuePage.name(in: context)
        guard let key = try await Fields(body: request)["key"] else { throw Refusal(.badRequest, "No key was given.") }
        guard try await desk.acting({ try await act(name, key) }) else {
            throw Refusal(.conflict, "This key holds nothing: it isn't blocked, or its message is in flight.")
        }
        return back(to: name)
    }

    // MARK: Purging

    private func preview(_ name: QueueName, note: String? = nil) async throws -> Response {
        guard Visitor.mayChange else { throw Refusal.onlyReads }
        let queue = try await desk.broker.statistics(of: name)
        let count = queue.depth + queue.scheduled + queue.retrying + queue.held
        let content: [HTML] = [
            note.map(HTML.alert) ?? "",
            HTML(
                "p", ["class": "consequence"],
                [
                    .text(
                        "About \(CountText(count, "message")) will be deleted for ever; what they stand for is not done."
                    )
                ]),
            HTML.facts([
                ("Waiting", .text("\(queue.depth)")), ("Scheduled", .text("\(queue.scheduled)")),
                ("Retrying", .text("\(queue.retrying)")), ("Held", .text("\(queue.held)")),
                ("Stays: in flight", .text("\(queue.inFlight)")), ("Stays: dead", .text("\(queue.dead)")),
            ]),
            queue.isPaused
                ? ""
                : .paragraph("Deliveries go on meanwhile. Pause the queue first if nobody is to take any of them."),
            desk.form(
                "/queues/\(name.text.queryEscaped)/purge",
                [
                    .field("Its name, once more", .input("again", nil)), .consent("I want them deleted"),
                    .button("Purge the queue", isDangerous: true),
                ]),
            .paragraph(.link("Back to the queue", to: desk.path("/queues/\(name.text.queryEscaped)"))),
        ]
        return desk.page("Purge queue \(name)", content)
    }

    private func purge(_ name: QueueName, _ fields: Fields) async throws -> Response {
        guard fields["sure"] == "yes", fields["again"] == name.text else {
            return try await preview(
                name, note: "Say that you are sure, and the name of the queue. Nothing was done yet.")
        }
        // A long queue takes longer than a page waits: it has begun when the page is answered.
        _ = try await desk.acting {
            let someone = Operator.current
            return try await desk.errands.begin { [broker = desk.broker] begun in
                try await Operator.$current.withValue(someone) {
                    _ = try await broker.purge(waitingIn: name, onBegin: begun)
                }
            }
        }
        return desk.seeOther("/audit", ["queue": name.text])
    }

    // MARK: Forms

    func html(_ entry: QueueEntry) -> HTML {
        guard Visitor.mayChange else { return .paragraph("You may read here, and change nothing.") }
        let path = "/queues/\(entry.queue.text.queryEscaped)"
        let (verb, text) = entry.isPaused ? ("resume", "Resume deliveries") : ("pause", "Pause deliveries")
        let limits = entry.settings.limits
        return HTML(
            "section", ["class": "actions"],
            [
                .heading("Change it"),
                HTML(
                    "div", ["class": "row"],
                    [desk.button(text, "\(path)/\(verb)"), .link("Purge…", to: desk.path("\(path)/purge"))]),
                HTML(
                    "form", ["method": "post", "action": desk.path("\(path)/limit"), "class": "search"],
                    [
                        .field(
                            "At most in flight",
                            .input("concurrency", limits?.concurrency.map(String.init), type: "number")),
                        .field("Deliveries a second", .input("rate", limits?.rate.map { "\($0)" }, type: "number")),
                        .field("Of which at once", .input("burst", limits?.burst.map(String.init), type: "number")),
                        .button("Set limits"),
                    ]),
                HTML("small", [:], ["What is left empty is not limited."]),
            ])
    }
}
