import Foundation
import XMLMarkup

/// A chart as an SVG file that stands alone: bars from the left, a mark on each for its floor, and the numbers in words.
///
/// Light or dark as the reader's screen is. It has a ground of its own, so that it is readable on any page.
struct PlotDrawing {
    let chart: PlotChart

    private static let width = 760.0
    private static let bars = (left: 208.0, right: 540.0, top: 68.0, height: 18.0, step: 28.0)

    private var bottom: Double { Self.bars.top + Double(chart.bars.count) * Self.bars.step }
    private var height: Double { bottom + 44 }
    private var top: Double {
        Self.ceiling(chart.bars.flatMap { [$0.value, $0.mark ?? 0] }.max() ?? 1)
    }

    var svg: String {
        let content =
            [Markup("title", [:], [Markup(text: chart.plot.title)])]
            + [Markup("desc", [:], [Markup(text: chart.description)]), Self.style, ground] + headings + axis
            + chart.bars.enumerated().flatMap { row($0.offset, $0.element) }
        let drawing = Markup(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "viewBox": "0 0 \(Self.text(Self.width)) \(Self.text(height))",
                "width": Self.text(Self.width), "height": Self.text(height), "role": "img",
            ], [.lines(content)])
        return drawing.source + "\n"
    }

    private var ground: Markup {
        Markup(
            "rect",
            [
                "class": "ground", "x": "0.5", "y": "0.5", "rx": "6", "width": Self.text(Self.width - 1),
                "height": Self.text(height - 1),
            ])
    }

    private var headings: [Markup] {
        [
            Self.label("title", chart.plot.title, x: 16, y: 26),
            Self.label("note", chart.plot.note, x: 16, y: 46),
            Self.label("note", chart.source, x: 16, y: height - 10),
        ]
    }

    private var axis: [Markup] {
        [0, 0.5, 1].flatMap { share in
            let x = x(top * share)
            return [
                Self.line("grid", x: x, from: Self.bars.top - 6, to: bottom - 4),
                Self.label(
                    "tick", Figure.text(top * share) + (share == 1 ? " \(chart.unit)" : ""), x: x, y: bottom + 12),
            ]
        }
    }

    private func row(_ number: Int, _ bar: PlotChart.Bar) -> [Markup] {
        let y = Self.bars.top + Double(number) * Self.bars.step
        let body = Markup(
            "rect",
            [
                "class": "bar", "x": Self.text(Self.bars.left), "y": Self.text(y), "rx": "2",
                "width": Self.text(max(1, x(bar.value) - Self.bars.left)), "height": Self.text(Self.bars.height),
            ])
        let mark = bar.mark.map { Self.line("mark", x: x($0), from: y - 3, to: y + Self.bars.height + 3) }
        let name = Self.label("name", bar.label, x: Self.bars.left - 8, y: y + 14)
        let end = max(x(bar.value), x(bar.mark ?? 0))
        return [name, body] + (mark.map { [$0] } ?? []) + [Self.label("value", bar.text, x: end + 8, y: y + 14)]
    }

    private func x(_ value: Double) -> Double {
        Self.bars.left + value / top * (Self.bars.right - Self.bars.left)
    }

    /// The next round number, in steps that leave no bar shorter than it need be.
    static func ceiling(_ value: Double) -> Double {
        guard value > 0 else { return 1 }
        let unit = pow(10, log10(value).rounded(.down))
        return unit * ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8].first { $0 * unit >= value * (1 - 1e-9) } ?? 10)
    }

    private static func line(_ style: String, x: Double, from: Double, to: Double) -> Markup {
        Markup("line", ["class": style, "x1": text(x), "x2": text(x), "y1": text(from), "y2": text(to)])
    }

    private static func label(_ style: String, _ words: String, x: Double, y: Double) -> Markup {
        Markup("text", ["class": style, "x": text(x), "y": text(y)], [Markup(text: words)])
    }

    /// A coordinate: a tenth of a pixel is more than anybody sees.
    private static func text(_ value: Double) -> String {
        let rounded = (value * 10).rounded() / 10
        return Int(exactly: rounded).map(String.init) ?? "\(rounded)"
    }

    private static let style = Markup(
        "style", [:],
        [
            Markup(
                text: """

                    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
                    .title { font-size: 16px; font-weight: 600; }
                    .note, .tick { font-size: 12px; fill: #59636e; }
                    .tick { text-anchor: middle; }
                    .name { text-anchor: end; }
                    .ground { fill: #ffffff; stroke: #d1d9e0; }
                    .bar { fill: #4a7fc1; }
                    .grid { stroke: #d1d9e0; }
                    .mark { stroke: #b35900; stroke-width: 3; }
                    @media (prefers-color-scheme: dark) {
                    text { fill: #f0f6fc; }
                    .note, .tick { fill: #9198a1; }
                    .ground { fill: #0d1117; stroke: #3d444d; }
                    .bar { fill: #4f83c9; }
                    .grid { stroke: #3d444d; }
                    .mark { stroke: #f0a35c; }
                    }

                    """)
        ])
}
