extension Curve {
    /// How fast a number that only grows does so, per second, taken over spans of time of about the same length.
    ///
    /// When it grew while it was not known is not known either: no span reaches over a gap.
    func rate(per span: Double) -> Curve {
        let rates = segments.flatMap { segment in
            let marks = Self.marks(in: segment, span)
            return zip(marks, marks.dropFirst()).map(Self.rate) + [Point(at: segment.last?.at ?? 0, value: nil)]
        }
        return Curve(name, colour: colour, style: style, Array(rates.dropLast()))
    }

    private static func rate(from before: Point, to after: Point) -> Point {
        let grown = max((after.value ?? 0) - (before.value ?? 0), 0)
        return Point(at: (before.at + after.at) / 2, value: grown / (after.at - before.at))
    }

    /// The ends of spans: the last takes what is left when that is too short to say anything.
    private static func marks(in segment: [Point], _ span: Double) -> [Point] {
        var marks = Array(segment.prefix(1))
        // Samples come a little early, or late.
        for point in segment where point.at - (marks.last?.at ?? 0) >= span * 0.99 { marks.append(point) }
        guard let end = segment.last, let mark = marks.last, end.at > mark.at else { return marks }
        if marks.count > 1, end.at - mark.at < span / 2 { marks.removeLast() }
        return marks + [end]
    }
}

extension Curve {
    /// The highest value in each span of time, where the value at its beginning hides more than it tells.
    func peaks(per bucket: Double) -> Curve {
        var peaks: [Point] = []
        var number = -Double.infinity
        for point in points {
            let its = (point.at / bucket).rounded(.down)
            guard its == number, let last = peaks.last, (last.value == nil) == (point.value == nil) else {
                peaks.append(point)
                number = its
                continue
            }
            if point.value ?? 0 > last.value ?? 0 { peaks[peaks.count - 1] = Point(at: last.at, value: point.value) }
        }
        return Curve(name, colour: colour, style: style, peaks)
    }
}

extension RunCurves {
    /// What customers waited, by when their orders were due.
    var latency: [Curve] {
        let accepted = record.calls.filter { $0.end == .accepted }
        let failed = record.calls.filter { $0.end == .failed }
        return [
            Curve("p50", colour: 0, buckets(of: accepted) { Self.percentile(0.5, of: $0) }),
            Curve("p99", colour: 3, buckets(of: accepted) { Self.percentile(0.99, of: $0) }),
            Curve("failed after", colour: 2, style: .crosses, buckets(of: failed) { $0.last }),
        ]
    }

    /// The value that this share of the others is not above: the nearest rank. Nil of none.
    static func percentile(_ share: Double, of sorted: [Double]) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let rank = (share * Double(sorted.count)).rounded(.up)
        return sorted[min(max(Int(rank) - 1, 0), sorted.count - 1)]
    }

    /// - Parameter value: of the latencies of one bucket, in ascending order.
    private func buckets(of calls: [CustomerCall], _ value: ([Double]) -> Double?) -> [Curve.Point] {
        let groups = Dictionary(grouping: calls) { ($0.due / bucket).rounded(.down) }
        let numbers = groups.keys.sorted()
        return zip(numbers, numbers.dropFirst() + [.infinity]).flatMap { number, next in
            let latencies = groups[number, default: []].map(\.latency).sorted()
            let point = Curve.Point(at: (number + 0.5) * bucket, value: value(latencies))
            // Nobody ordered in between.
            let gap = Curve.Point(at: (number + 1.5) * bucket, value: nil)
            return next > number + 1 ? [point, gap] : [point]
        }
    }
}
