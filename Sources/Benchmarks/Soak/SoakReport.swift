import DeliveryCheck

/// What a soak came to, as one page that needs nothing else: no network, light and dark.
public struct SoakReport: Sendable {
    private let plan: SoakPlan
    private let outcome: SoakOutcome
    private let place: String

    /// - Parameter place: where it was measured, in words.
    public init(_ plan: SoakPlan, _ outcome: SoakOutcome, at place: String) {
        self.plan = plan
        self.outcome = outcome
        self.place = place
    }

    public var html: String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><title>Soak</title><style>\(Self.style)</style></head><body>
        <h1>Soak: \(Figure.text(plan.perSecond)) messages/s for \(Figure.text(plan.seconds / 60)) minutes</h1>
        <p>Segments change every \(plan.rotate) and are kept for \(plan.keep). Shaded: somebody else holds a snapshot open.
        Lines: one of the two workers is killed (solid) or told to end (dashed), and started again.</p>
        <p class="\(outcome.check.isFaultless ? "good" : "bad")">\(outcome.check.description)</p>
        \(charts.map(\.svg).joined(separator: "\n"))
        <table><tr>\(SoakSample.titles.map { "<th>\($0)</th>" }.joined())</tr>
        \(outcome.samples.map { "<tr>\($0.cells.map { "<td>\($0)</td>" }.joined())</tr>" }.joined(separator: "\n"))
        </table><p>\(Self.escaped(place))</p></body></html>
        """
    }

    private var charts: [SoakChart] {
        let samples = outcome.samples
        func chart(_ title: String, _ lines: [(String, KeyPath<SoakSample, Double>)]) -> SoakChart {
            SoakChart(
                title: title, times: samples.map(\.at),
                lines: lines.map { name, path in .init(name: name, values: samples.map { $0[keyPath: path] }) },
                shade: plan.pinned, marks: outcome.restarts)
        }
        return [
            chart("commit to handler, ms", [("p50", \.p50), ("p99", \.p99)]),
            chart("messages per second", [("handled", \.rate)]),
            chart("disk, MB", [("schema mq", \.disk)]),
            chart("memory, MB", [("workers", \.workers), ("server", \.server)]),
        ]
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }

    private static let style = """
        :root { color-scheme: light dark; --ink: #222; --faint: #ccc; --paper: #fff; --a: #1668b8; --b: #c2571a; --shade: #8882 }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #ddd; --faint: #444; --paper: #181818; --a: #6cb2f5; --b: #f0955a; --shade: #aaa2 } }
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
          max-width: 900px; margin: 2em auto; padding: 0 1em }
        svg { width: 100%; display: block; margin: 1em 0 } text { fill: var(--ink); font-size: 12px } .title { font-weight: bold }
        .grid { stroke: var(--faint) } .pinned { fill: var(--shade) } .killed { stroke: var(--ink); opacity: .6 }
        .ended { stroke: var(--ink); opacity: .6; stroke-dasharray: 3 3 } polyline { fill: none; stroke-width: 1.6 }
        .line0 { stroke: var(--a) } .line1 { stroke: var(--b) } .name0 { fill: var(--a) } .name1 { fill: var(--b) }
        .good { color: #2a8a3e } .bad { color: #d33; font-weight: bold } table { border-collapse: collapse; font-size: 13px }
        th, td { text-align: right; padding: 1px 10px; border-bottom: 1px solid var(--faint); font-variant-numeric: tabular-nums }
        """
}

extension SoakSample {
    public static let titles = [
        "TIME", "MSG/S", "P50 MS", "P99 MS", "MAX MS", "DISK MB", "WORKERS MB", "SERVER MB", "SEGMENTS", "DEPTH",
        "PINNED",
    ]

    /// A cell for each of the titles.
    public var cells: [String] {
        let numbers = [rate, p50, p99, largest, disk, workers, server, Double(segments), Double(depth)]
        return ["\(Int(at)) s"] + numbers.map(Figure.text) + [isPinned ? "yes" : ""]
    }
}
