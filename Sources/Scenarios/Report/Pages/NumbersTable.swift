/// The charts as a table, at round moments, for those who read numbers.
struct NumbersTable: Sendable {
    struct Row: Sendable {
        let time: String
        let cells: [String]
    }

    static let columns = [
        "Time", "Accepted", "Delivered", "Failed", "Depth", "In flight", "Retries", "Not due", "Dead", "Wait p50",
        "Wait p99",
    ]

    let rows: [Row]

    init(_ curves: RunCurves) {
        let samples = curves.record.samples
        guard let first = samples.first, let last = samples.last else {
            rows = []
            return
        }
        let moments = Scale.time(curves.extent, atMost: 24).ticks.filter { $0 > first.at && $0 < last.at } + [last.at]
        var rows: [Row] = []
        var from = -Double.infinity
        for moment in moments {
            let answered = curves.record.calls.filter { $0.end == .accepted && $0.due > from && $0.due <= moment }
            let cells = samples.last { $0.at <= moment }.map(Self.cells) ?? []
            rows.append(Row(time: Numerals.span(moment), cells: cells + Self.waits(answered)))
            from = moment
        }
        self.rows = rows
    }

    private static func cells(of sample: Sample) -> [String] {
        func sum(_ value: (Sample.Queue) -> Int) -> Double? {
            sample.queues?.values.reduce(0) { $0 + Double(value($1)) }
        }
        let counts = [
            Double(sample.accepted), sample.delivered.map(Double.init), Double(sample.failed), sum(\.depth),
            sum(\.inFlight), sample.retried.map(Double.init), sum(\.notDue), sum(\.dead),
        ]
        return counts.map { $0.map { Numerals.count($0) } ?? "–" }
    }

    /// Of the orders that were due since the row before.
    private static func waits(_ calls: [CustomerCall]) -> [String] {
        let sorted = calls.map(\.latency).sorted()
        return [0.5, 0.99].map { share in RunCurves.percentile(share, of: sorted).map(Numerals.span) ?? "–" }
    }
}
