/// The charts of one run, in the order of a reader's questions.
struct RunCharts: Sendable {
    let charts: [Chart]
    /// What never happened, and is not drawn.
    let absent: [String]

    /// - Parameters:
    ///   - page: begins the charts' names, which are unique on a page.
    ///   - extent: of the time axis; nil: that of the run.
    init(_ curves: RunCurves, page: String, extent: ClosedRange<Double>? = nil) {
        let orders = curves.orders
        let every = curves.bucket == 1 ? "per second" : "per second, over \(Numerals.span(curves.bucket))"
        func peaks(_ curve: Curve) -> Curve { curve.peaks(per: curves.bucket) }
        let all: [(name: String, title: String, note: String, Chart.Axis, Chart.Summary, [Curve])] = [
            ("orders", "Orders", "since the start", .things, .last, orders),
            ("rates", "Orders per second", every, .rate, .highest, orders.map { $0.rate(per: curves.bucket) }),
            ("latency", "Customers’ wait", "from due to answer", .latency, .highest, curves.latency),
            ("depth", "Queue depth", "messages ready", .things, .highest, curves.queues(\.depth)),
            ("flight", "In flight", "messages with a worker", .things, .highest, curves.queues(\.inFlight).map(peaks)),
            ("retries", "Retries", every, .rate, .highest, [curves.retries.rate(per: curves.bucket)]),
            ("not-due", "Not due", "messages put off", .things, .highest, curves.queues(\.notDue)),
            ("dead", "Dead letters", "messages given up", .things, .last, curves.queues(\.dead)),
        ]
        var charts: [Chart] = []
        var absent: [String] = []
        for (name, title, note, axis, summary, drawn) in all {
            let told = name == "orders" ? drawn : drawn.filter { $0.highest ?? 0 > 0 }
            guard !told.isEmpty, !curves.record.samples.isEmpty || name == "latency" else {
                absent.append(title.lowercased())
                continue
            }
            charts.append(
                Chart(
                    id: "\(page)-\(name)", title: title, note: note, axis: axis, summary: summary, curves: told,
                    extent: extent ?? curves.extent, annotations: Annotation.all(of: curves.record)))
        }
        self.charts = charts
        self.absent = absent
    }
}
