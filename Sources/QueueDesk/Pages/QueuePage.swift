import Foundation
import HTTPTypes
import Hummingbird
import MessageQueue

/// One queue: how it stands, how its attempts went, and what can be done to it.
struct QueuePage {
    let desk: QueueDesk

    /// How many attempts are looked at for errors and times.
    private static let attempts = 500
    private static let steps = 15
    private static let refresh = Duration.seconds(15)

    func add(to router: some RouterMethods) {
        router.get("queues/:name") { _, context in try await show(try Self.name(in: context)) }
    }

    static func name(in context: some RequestContext) throws -> QueueName {
        guard let name = context.parameters.get("name")?.removingPercentEncoding, !name.utf8.contains(0) else {
            throw Refusal.nothingHere
        }
        return QueueName(name)
    }

    private func show(_ name: QueueName) async throws -> Response {
        let entry = try await desk.broker.queue(name)
        let shown = try await desk.readings.shown()
        let reading = shown.reading
        let steps = try await shared(name) { try await $0.outcomes(of: name, each: .seconds(60), count: Self.steps) }
        let last = try await shared(name) {
            try await $0.find(MessageSearch(.queue(name), isClaimed: true), limit: Self.attempts).entries
        }
        let blocked = try await shared(name) { try await $0.blockedKeys(of: name, limit: 50) }
        let live = LiveValues(reading, of: name)
        return desk.page(
            "Queue \(name)", refresh: Self.refresh, from: shown,
            [
                numbers(of: name, live), links(name), sparks(of: name, live), OutcomeChart(steps).html,
                LatencyTable(last).html, ErrorTable(desk: desk, queue: name, entries: last).html,
                holders(reading, name), keys(blocked, of: name), settings(entry), QueueActions(desk: desk).html(entry),
            ])
    }

    /// Read once for everybody who has the page open.
    private func shared<T: Sendable>(
        _ name: QueueName, _ read: @escaping @Sendable (Broker) async throws -> T
    ) async throws -> T {
        let question = desk.path("/queues/\(name.text.queryEscaped)")
        return try await desk.shared(question, refresh: Self.refresh) { [broker = desk.broker] in
            try await read(broker)
        }
    }

    private func numbers(of name: QueueName, _ live: LiveValues) -> HTML {
        let shown: [Measure] = [.waiting, .inFlight, .scheduled, .retrying, .held, .dead, .oldest, .rate]
        return HTML([
            HTML("p", ["class": "state"], [live.place("strong", .state, of: name)]),
            HTML(
                "dl", ["class": "numbers", "data-queue": name.text],
                shown.map { measure in
                    HTML("div", [:], [HTML("dt", [:], [term(measure, of: name)]), live.place("dd", measure, of: name)])
                }),
        ])
    }

    /// What is not due yet has a page of its own.
    private func term(_ measure: Measure, of name: QueueName) -> HTML {
        guard [.scheduled, .retrying].contains(measure) else { return .text(measure.rawValue) }
        return .link(measure.rawValue, to: desk.path("/queues/\(name.text.queryEscaped)/scheduled"))
    }

    private func links(_ name: QueueName) -> HTML {
        HTML(
            "p", ["class": "row"],
            [
                .link("Its messages", to: desk.path("/messages", ["queue": name.text])),
                .link("Its dead letters", to: desk.path("/dead", ["queue": name.text])),
                Visitor.mayChange ? .link("Send a message to it", to: desk.path("/send", ["queue": name.text])) : "",
                .link("What operators did to it", to: desk.path("/audit", ["queue": name.text])),
            ])
    }

    private func sparks(of name: QueueName, _ live: LiveValues) -> HTML {
        func figure(_ measure: Measure, _ label: String) -> HTML {
            HTML(
                "figure", [:],
                [live.spark(measure, of: name, label: label), HTML("figcaption", [:], [.text(label)])])
        }
        return HTML(
            "div", ["class": "figures"],
            [figure(.spark, "Deliveries a second, 15 minutes"), figure(.depthSpark, "Waiting, 15 minutes")])
    }

    private func holders(_ reading: Reading, _ name: QueueName) -> HTML {
        HTML.table(
            "In whose hands", ["Worker", "#Messages", "Since"],
            reading.holdings.filter { $0.queue == name }.map { holding in
                let worker = reading.consumers.first { $0.id == holding.consumer }
                let who = worker.map { "\($0.name)/\($0.version) \($0.host) \($0.pid)" }
                return [
                    .text(who ?? "a program that receives by hand"), .text("\(holding.messages)"),
                    .time(DateText(holding.since)),
                ]
            }, empty: "Nobody holds a message of it.")
    }

    private func settings(_ entry: QueueEntry) -> HTML {
        let settings = entry.settings
        func text(_ number: (some Any)?) -> String { number.map { "\($0)" } ?? "none" }
        return HTML(
            "details", [:],
            [
                HTML("summary", [:], ["How it is set up"]),
                HTML.facts([
                    ("Lanes", .text("\(settings.lanes)")), ("Lease", .text("\(settings.lease)")),
                    ("Attempts", .text("\(settings.retry.attempts)")),
                    ("Back-off", .text("\(settings.retry.base) to \(settings.retry.cap)")),
                    ("Priorities", .text(settings.priorities == .none ? "no" : "\(settings.priorities.rawValue)")),
                    ("Order", .text(settings.order.map { "\($0)" } ?? "none")),
                    ("Retention", .text(text(settings.retention))), ("Delay", .text("\(settings.delay)")),
                    ("At most in flight", .text(text(settings.limits?.concurrency))),
                    ("Deliveries a second", .text(text(settings.limits?.rate))),
                    ("Made", .time(DateText(entry.createdAt))), ("Changed", .time(DateText(entry.changedAt))),
                ]),
            ])
    }

    private func keys(_ keys: [BlockedKey], of name: QueueName) -> HTML {
        guard !keys.isEmpty else { return .text("") }
        let path = "/queues/\(name.text.queryEscaped)"
        return HTML.table(
            "Blocked keys", ["Key", "Since", "#Held", "Next try", "Error", ""],
            keys.map { key in
                [
                    .link(key.key, to: desk.path("/timeline", ["key": key.key])), .time(DateText(key.since)),
                    .link("\(key.held)", to: desk.path("\(path)/held", ["key": key.key])),
                    key.needsOperator ? "waits for you" : .time(DateText(key.retryAt)),
                    .text(key.error ?? ""),
                    !Visitor.mayChange
                        ? ""
                        : HTML(
                            "div", ["class": "row"],
                            [
                                desk.button("Retry", "\(path)/retry-key", ["key": key.key]),
                                desk.button("Skip", "\(path)/skip-key", ["key": key.key]),
                            ]),
                ]
            }, empty: "")
    }
}
