/// A diagram of numbers over time, as SVG that takes its colours from the page.
struct SoakChart {
    struct Line {
        let name: String
        let values: [Double]
    }

    let title: String
    let times: [Double]
    let lines: [Line]
    /// While somebody held a snapshot open.
    let shade: ClosedRange<Double>
    let marks: [(at: Double, isKilled: Bool)]

    private static let size = (width: 900.0, height: 170.0)
    private static let margin = (left: 60.0, top: 26.0, right: 10.0, bottom: 22.0)

    var svg: String {
        let end = max(times.last ?? 1, 1)
        let top = Self.ceiling(lines.flatMap(\.values).max() ?? 1)
        func x(_ time: Double) -> Double {
            Self.margin.left + time / end * (Self.size.width - Self.margin.left - Self.margin.right)
        }
        func y(_ value: Double) -> Double {
            Self.size.height - Self.margin.bottom - value / top
                * (Self.size.height - Self.margin.top - Self.margin.bottom)
        }
        let (left, right) = (x(0), x(end))
        let grid = [0, 0.5, 1].map { share in
            #"<line class="grid" x1="\#(left)" x2="\#(right)" y1="\#(y(top * share))" y2="\#(y(top * share))"/>"#
                + #"<text class="tick" x="\#(left - 6)" y="\#(y(top * share) + 4)" text-anchor="end">\#(Figure.text(top * share))</text>"#
        }
        let clock = [0, 0.25, 0.5, 0.75, 1].map { share in
            #"<text class="tick" x="\#(x(end * share))" y="\#(Self.size.height - 6)" text-anchor="middle">"#
                + "\(Self.minutes(end * share))</text>"
        }
        let (from, to) = (x(min(shade.lowerBound, end)), x(min(shade.upperBound, end)))
        let pinned =
            #"<rect class="pinned" x="\#(from)" width="\#(to - from)" y="\#(y(top))" height="\#(y(0) - y(top))"/>"#
        let restarts = marks.map { mark in
            #"<line class="\#(mark.isKilled ? "killed" : "ended")" x1="\#(x(mark.at))" x2="\#(x(mark.at))" y1="\#(y(top))" y2="\#(y(0))"/>"#
        }
        let curves = lines.enumerated().map { index, line in
            let points = zip(times, line.values).map { "\(Self.short(x($0))),\(Self.short(y($1)))" }.joined(
                separator: " ")
            return #"<polyline class="line\#(index)" points="\#(points)"/>"#
        }
        let legend = lines.enumerated().map { index, line in
            #"<tspan class="name\#(index)" dx="14">\#(line.name)</tspan>"#
        }.joined()
        let heading = #"<text class="title" x="\#(left)" y="16">\#(title)\#(legend)</text>"#
        return """
            <svg viewBox="0 0 \(Self.size.width) \(Self.size.height)" role="img">
            \(([pinned] + grid + clock + restarts + curves + [heading]).joined(separator: "\n"))
            </svg>
            """
    }

    /// The next number of 1, 2 or 5 and zeros.
    static func ceiling(_ value: Double) -> Double {
        guard value > 0 else { return 1 }
        var unit = 1e-6
        while unit * 10 < value { unit *= 10 }
        return ([1, 2, 5, 10].first { $0 * unit >= value } ?? 10) * unit
    }

    private static func minutes(_ seconds: Double) -> String {
        seconds < 120 ? "\(Int(seconds)) s" : "\(Int((seconds / 60).rounded())) min"
    }

    private static func short(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
