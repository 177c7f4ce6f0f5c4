import Foundation
import Hummingbird
public import MessageQueue

/// All that happened about one key, such as an order, over all queues.
struct TimelinePage {
    let desk: QueueDesk

    private static let limit = 300
    private static let refresh = Duration.seconds(5)

    func add(to router: some RouterMethods) {
        router.get("timeline") { request, _ in
            guard let key = try Fields(query: request)["key"] else { throw Refusal(.badRequest, "No key was given.") }
            let question = desk.path("/timeline", ["key": key])
            let entries = try await desk.shared(question, refresh: Self.refresh) { [broker = desk.broker] in
                try await broker.trace(key, limit: Self.limit)
            }
            guard !entries.isEmpty else { throw Refusal.nothingHere }
            let timeline = desk.timeline(of: entries, about: key, limit: Self.limit)
            return desk.page("Timeline of \(key)", refresh: Self.refresh, [timeline])
        }
    }
}

extension QueueDesk {
    /// Attempts as a picture along time, the latest of many, and as a table, such as those that `Broker.trace(_:limit:)` finds for
    /// a key.
    ///
    /// - Parameters:
    ///   - entries: in the order of their times.
    ///   - key: what they were sought by, an id or a key.
    ///   - limit: the most that were sought; that there may be more is said where there are as many.
    public func timeline(of entries: [TraceEntry], about key: String, limit: Int) -> HTML {
        HTML([
            entries.count < limit ? "" : cut(key, limit), TimelinePicture(entries).html,
            AttemptTable(desk: self, caption: "Attempts, over all queues", entries: entries).html,
        ])
    }

    private func cut(_ key: String, _ limit: Int) -> HTML {
        .paragraph(
            .text("There may be more: the latest \(limit) attempts are shown. "),
            .link("Look further back", to: path("/messages", ["q": key])))
    }
}

/// Attempts as bars along time: pale while one waits, full while one is handled.
struct TimelinePicture {
    private let entries: [TraceEntry]
    /// How many there are, of which the picture shows the latest.
    private let count: Int
    private let start: Date
    private let length: Double

    private static let rows = 60
    private static let row = 22.0
    private static let label = 230.0
    private static let width = 1000.0

    init(_ entries: [TraceEntry]) {
        self.entries = Array(entries.suffix(Self.rows))
        count = entries.count
        start = self.entries.map(\.appendedAt).min() ?? .now
        let ends = self.entries.map { $0.finishedAt ?? $0.claimedAt ?? $0.appendedAt }
        length = max((ends.max() ?? start).timeIntervalSince(start), 0.001)
    }

    var html: HTML {
        HTML([
            HTML(
                "div",
                ["class": "scroll timeline", "role": "region", "aria-label": "Along time", "tabindex": "0"], [picture]),
            entries.count < count ? .paragraph(.text("\(shown); the table has them all.")) : "",
        ])
    }

    private var shown: String {
        entries.count < count ? "The last \(entries.count) of \(count) attempts" : "\(CountText(count, "attempt"))"
    }

    private var picture: HTML {
        let height = Int(Self.row) * entries.count + 30
        return HTML(
            "svg",
            [
                "viewBox": "0 0 \(Int(Self.width)) \(height)", "role": "img",
                "aria-label": "\(shown), within \(SpanText(seconds: length).text); the table has them all",
            ], scale(height) + entries.enumerated().flatMap { bars($1, at: Double($0) * Self.row) })
    }

    private func scale(_ height: Int) -> [HTML] {
        (0...4).flatMap { step -> [HTML] in
            let x = Self.label + (Self.width - Self.label - 10) * Double(step) / 4
            let text = "+" + SpanText(seconds: length * Double(step) / 4).text
            return [
                HTML("line", ["class": "grid", "x1": "\(x)", "x2": "\(x)", "y1": "0", "y2": "\(height - 22)"]),
                HTML(
                    "text",
                    [
                        "class": "counts", "x": "\(x)", "y": "\(height - 6)",
                        "text-anchor": step == 4 ? "end" : step == 0 ? "start" : "middle",
                    ], [.text(text)]),
            ]
        }
    }

    private func bars(_ entry: TraceEntry, at y: Double) -> [HTML] {
        let label = "\(entry.queue)\(entry.attempt > 1 ? " (\(entry.attempt))" : "")"
        let (appended, claimed) = (x(entry.appendedAt), entry.claimedAt.map(x))
        let finished = entry.finishedAt.map(x) ?? claimed ?? appended
        return [
            HTML("text", ["x": "0", "y": "\(y + 15)"], [.text(label)]),
            bar(from: appended, to: claimed ?? finished, y, "fill-wait", "\(label): waits"),
            bar(from: claimed ?? finished, to: finished, y, Self.kind(entry.outcome), "\(label): \(entry.outcome)"),
        ]
    }

    private func bar(from start: Double, to end: Double, _ y: Double, _ kind: String, _ title: String) -> HTML {
        HTML(
            "rect",
            [
                "class": kind, "x": "\(start)", "y": "\(y + 4)", "width": "\(max(end - start, 2))", "height": "14",
                "rx": "2",
            ], [HTML("title", [:], [.text(title)])])
    }

    private func x(_ date: Date) -> Double {
        let share = date.timeIntervalSince(start) / length
        return ((Self.label + (Self.width - Self.label - 10) * min(max(share, 0), 1)) * 10).rounded() / 10
    }

    private static func kind(_ outcome: TraceEntry.Outcome) -> String {
        switch outcome {
        case .done: "fill-good"
        case .dead, .deadLetter, .expired: "fill-bad"
        case .retried, .held, .heldBack: "fill-warm"
        default: "fill-accent"
        }
    }
}
