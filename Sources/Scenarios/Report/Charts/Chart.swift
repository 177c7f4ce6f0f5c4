/// Values over time as SVG, which takes its colours from the page. A pure function of what it is given.
struct Chart: Sendable {
    /// Which values of its curves the legend tells.
    enum Summary: String, Sendable {
        case last = "at the end"
        case highest = "at most"
    }

    enum Axis: Sendable, Equatable {
        /// Things that have no halves, of which one may be on its way to the next.
        case things
        case rate
        /// Seconds, by decades.
        case latency

        func text(_ value: Double) -> String { self == .latency ? Numerals.span(value) : Numerals.count(value) }
    }

    /// Unique on its page.
    let id: String
    let title: String
    /// What is counted, and over what.
    let note: String
    let axis: Axis
    let summary: Summary
    var curves: [Curve]
    var extent: ClosedRange<Double>
    let annotations: [Annotation]
    /// Of curves that are drawn elsewhere and share this axis, for a comparison by eye.
    var neighbours: [Curve] = []

    static let width = 640.0
    static let plot = (left: 54.0, right: 626.0, height: 176.0)
    static let laneHeight = 16.0
    static let below = 24.0

    var time: Scale { .time(extent, atMost: 8) }

    var values: Scale {
        let shown = curves + neighbours
        guard axis == .latency else {
            return .counting(to: shown.compactMap(\.highest).max() ?? 0, whole: axis == .things)
        }
        return .decades(around: shown.flatMap { $0.points.compactMap(\.value) })
    }

    /// The chart in words, for those who do not see it.
    var description: String {
        let curves = curves.map { curve in
            "\(curve.name): at most \(axis.text(curve.highest ?? 0)), at the end \(axis.text(curve.last ?? 0))"
        }
        let notes = annotations.map { note in
            let from = "from \(Numerals.span(note.from)) to \(Numerals.span(note.to))"
            return "\(note.text) \(note.from == note.to ? "at \(Numerals.span(note.from))" : from)"
        }
        return "\(title), \(note). \((curves + notes.prefix(12)).joined(separator: "; "))."
    }

    func legend(of curve: Curve) -> String {
        let value = summary == .last ? curve.last : curve.highest
        return value.map { axis.text($0) } ?? "–"
    }
}
