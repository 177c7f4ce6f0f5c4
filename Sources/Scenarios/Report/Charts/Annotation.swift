/// What a chart tells about its times besides the curves: a fault while it lasts, or a moment.
struct Annotation: Sendable, Equatable {
    enum Kind: String, Sendable { case fault, milestone }

    let kind: Kind
    let text: String
    let from, to: Double

    /// The faults of a run, and when its customers and its queues were done.
    static func all(of record: RunRecord) -> [Annotation] {
        let faults = record.windows.map { Annotation(kind: .fault, text: $0.what, from: $0.from, to: $0.to) }
        let ends = [("last answer", record.submittedAt), ("drained", record.drainedAt)].map { text, at in
            Annotation(kind: .milestone, text: text, from: at, to: at)
        }
        return faults + ends
    }
}

/// The names of annotations above a plot, on as many lanes as it takes for none to touch another.
struct LabelLanes: Sendable, Equatable {
    struct Label: Sendable, Equatable {
        let kind: Annotation.Kind
        let text: String
        /// The left edge of the text, and what it points to.
        let x, anchor: Double
        let lane: Int
    }

    let labels: [Label]
    let lanes: Int
    /// How many different names found no place.
    let leftOut: Int

    static let most = 5
    /// Of the widest font that a browser may take for the page, a little more than its mean.
    static let characterWidth = 7.0
    private static let spacing = 10.0

    /// - Parameter position: from a time to a distance from the left.
    init(_ annotations: [Annotation], within plot: ClosedRange<Double>, position: (Double) -> Double) {
        var ends: [Double] = []
        var labels: [Label] = []
        var leftOut = 0
        for (text, first, kind) in Self.named(annotations) {
            let anchor = position(first)
            let width = Double(text.count) * Self.characterWidth
            let x = max(min(anchor, plot.upperBound - width), plot.lowerBound)
            let lane = ends.firstIndex { $0 + Self.spacing <= x } ?? ends.count
            guard lane < Self.most else {
                leftOut += 1
                continue
            }
            if lane == ends.count { ends.append(0) }
            ends[lane] = x + width
            labels.append(Label(kind: kind, text: text, x: x, anchor: anchor, lane: lane))
        }
        self.labels = labels
        self.leftOut = leftOut
        lanes = ends.count
    }

    /// What happens again and again is named once, where it begins, with how often.
    private static func named(_ annotations: [Annotation]) -> [(text: String, first: Double, Annotation.Kind)] {
        let groups = Dictionary(grouping: annotations) { "\($0.kind) \($0.text)" }.values
        let named = groups.compactMap { group in
            group.min { $0.from < $1.from }.map { first in
                (shortened(first.text) + (group.count > 1 ? " ×\(group.count)" : ""), first.from, first.kind)
            }
        }
        return named.sorted { ($0.1, $0.0) < ($1.1, $1.0) }
    }

    private static func shortened(_ text: String) -> String {
        text.count > 40 ? text.prefix(39) + "…" : text
    }
}
