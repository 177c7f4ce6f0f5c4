import MessageQueue

/// What became of the last attempts, and how long they took.
struct LatencyTable {
    private let entries: [TraceEntry]

    init(_ entries: [TraceEntry]) { self.entries = entries }

    var html: HTML {
        HTML.table(
            "Of what was taken, the last \(CountText(entries.count, "attempt"))",
            ["Outcome", "#Attempts", "#Waited, median", "#Waited, 99 %", "#Took, median", "#Took, 99 %"],
            AttemptTimes.byOutcome(entries).map { times in
                let seconds = [times.waited.median, times.waited.p99, times.took.median, times.took.p99]
                return [HTML.badge(times.outcome.rawValue), .text("\(times.attempts)")]
                    + seconds.map { HTML.text(SpanText(seconds: $0).text) }
            }, empty: "Nothing has been taken yet, or not within the retention.")
    }
}
