import Foundation
import MessageQueue

/// What became of the last attempts, and how long they took.
struct LatencyTable {
    private let entries: [TraceEntry]

    init(_ entries: [TraceEntry]) { self.entries = entries }

    var html: HTML {
        let byOutcome = Dictionary(grouping: entries, by: \.outcome).sorted { $0.value.count > $1.value.count }
        return HTML.table(
            "Of what was taken, the last \(CountText(entries.count, "attempt"))",
            ["Outcome", "#Attempts", "#Waited, median", "#Waited, 99 %", "#Took, median", "#Took, 99 %"],
            byOutcome.map { outcome, entries in
                [HTML.badge(outcome.rawValue), .text("\(entries.count)")] + Self.times(of: entries)
            }, empty: "Nothing has been taken yet, or not within the retention.")
    }

    private static func times(of entries: [TraceEntry]) -> [HTML] {
        let waits = entries.compactMap { seconds($0.appendedAt, $0.claimedAt) }
        let works = entries.compactMap { seconds($0.claimedAt, $0.finishedAt) }
        return [waits, works].flatMap { values in
            [0.5, 0.99].map { HTML.text(SpanText(seconds: percentile($0, of: values)).text) }
        }
    }

    private static func seconds(_ start: Date?, _ end: Date?) -> Double? {
        guard let start, let end else { return nil }
        return end.timeIntervalSince(start)
    }

    /// Of the nearest rank; nil of nothing.
    static func percentile(_ share: Double, of values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let rank = Int((share * Double(values.count)).rounded(.up))
        return values.sorted()[min(max(rank, 1), values.count) - 1]
    }
}
