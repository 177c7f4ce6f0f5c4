import Foundation
import MessageQueue

/// What became of attempts over time: a bar for each minute, and the same as a table.
struct OutcomeChart {
    private let steps: [OutcomeStep]
    private let shown: [TraceEntry.Outcome]

    private static let height = 100.0
    private static let wide = 40.0
    private static let order: [TraceEntry.Outcome] = [
        .done, .released, .held, .retried, .expired, .dead, .outdated, .purged, .inFlight, .waiting,
    ]

    init(_ steps: [OutcomeStep]) {
        self.steps = steps
        shown = Self.order.filter { outcome in steps.contains { $0.count(outcome) > 0 } }
    }

    var html: HTML {
        guard steps.contains(where: { $0.attempts > 0 }) else {
            return HTML("p", ["class": "empty"], ["Nothing was added in the last 15 minutes."])
        }
        return HTML(
            "figure", ["class": "chart"],
            [
                HTML("figcaption", [:], ["Attempts by the minute, and what became of them"]), picture, legend,
                HTML(
                    "details", [:],
                    [
                        HTML("summary", [:], ["As a table"]), table,
                        HTML(
                            "p", [:],
                            ["Attempts are counted; what became of more than a few of a minute is told by a sample."]),
                    ]),
            ])
    }

    private var picture: HTML {
        let most = Double(steps.map(\.attempts).max() ?? 1)
        let bars = steps.enumerated().flatMap { index, step in bar(step, at: Double(index) * Self.wide, of: most) }
        return HTML(
            "svg",
            [
                "viewBox": "0 0 \(Int(Self.wide) * steps.count) \(Int(Self.height))", "role": "img",
                "preserveAspectRatio": "none", "aria-label": "Attempts by the minute; the table below has the numbers",
            ], bars)
    }

    private func bar(_ step: OutcomeStep, at x: Double, of most: Double) -> [HTML] {
        var y = Self.height
        return shown.compactMap { outcome in
            let height = step.count(outcome) / most * (Self.height - 4)
            guard height > 0 else { return nil }
            // What is there is seen, however little it is.
            let drawn = max(height, 1.5)
            y -= drawn
            return HTML(
                "rect",
                [
                    "class": Self.kind(outcome), "x": "\(x + 3)", "y": Self.text(y), "width": "\(Self.wide - 6)",
                    "height": Self.text(drawn),
                ],
                [HTML("title", [:], [.text("\(Self.clock(step.since)): \(Self.text(step.count(outcome))) \(outcome)")])]
            )
        }
    }

    private var legend: HTML {
        HTML(
            "p", ["class": "row legend"],
            shown.map { outcome in
                HTML("span", [:], [HTML("i", ["class": Self.kind(outcome)]), .text(outcome.rawValue)])
            })
    }

    private var table: HTML {
        HTML.table(
            "Attempts by the minute", ["Minute", "#Attempts"] + shown.map { "#\($0)" },
            steps.reversed().map { step in
                [.text(Self.clock(step.since)), .text("\(step.attempts)")]
                    + shown.map { HTML.text(Self.text(step.count($0).rounded())) }
            }, empty: "")
    }

    private static func kind(_ outcome: TraceEntry.Outcome) -> String {
        switch outcome {
        case .done: "fill-good"
        case .dead, .expired: "fill-bad"
        case .retried, .held: "fill-warm"
        case .waiting: "fill-accent"
        default: "fill-quiet"
        }
    }

    private static func clock(_ date: Date) -> String {
        String((DateText(date)?.readable ?? "").dropFirst(11).prefix(5))
    }

    private static func text(_ number: Double) -> String {
        let rounded = (number * 10).rounded() / 10
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }
}

/// The errors of the last attempts of a queue, each once.
struct ErrorTable {
    let desk: QueueDesk
    let queue: QueueName
    let entries: [TraceEntry]

    var html: HTML {
        let groups = ErrorGroup.groups(of: entries)
        guard !groups.isEmpty else { return .text("") }
        return HTML.table(
            "Their errors", ["Error", "#Attempts", "First", "Last", ""],
            groups.map { group in
                [
                    .text(group.error), .text("\(group.attempts)"), .time(DateText(group.first)),
                    .time(DateText(group.last)),
                    .link("Find", to: desk.path("/messages", ["queue": queue.text, "error": group.part])),
                ]
            }, empty: "")
    }
}
