import Foundation

/// How long those of some attempts took that ended alike.
package struct AttemptTimes: Sendable, Encodable {
    package let outcome: TraceEntry.Outcome
    /// How many there are.
    package let attempts: Int
    /// From when they were added to their queue until they were taken.
    package let waited: Percentiles
    /// From then until they were finished.
    package let took: Percentiles

    /// In seconds; nil of nothing.
    package struct Percentiles: Sendable, Encodable {
        package let median, p99: Double?

        init(of values: [Double]) { (median, p99) = (Self.nearest(0.5, of: values), Self.nearest(0.99, of: values)) }

        /// Of the nearest rank.
        static func nearest(_ share: Double, of values: [Double]) -> Double? {
            guard !values.isEmpty else { return nil }
            let rank = Int((share * Double(values.count)).rounded(.up))
            return values.sorted()[min(max(rank, 1), values.count) - 1]
        }
    }

    private init(_ outcome: TraceEntry.Outcome, _ entries: [TraceEntry]) {
        self.outcome = outcome
        attempts = entries.count
        waited = Percentiles(of: entries.compactMap { $0.claimedAt?.timeIntervalSince($0.appendedAt) })
        took = Percentiles(
            of: entries.compactMap { entry in
                entry.claimedAt.flatMap { entry.finishedAt?.timeIntervalSince($0) }
            })
    }

    /// By what became of them, the most first.
    package static func byOutcome(_ entries: [TraceEntry]) -> [AttemptTimes] {
        Dictionary(grouping: entries, by: \.outcome).map { AttemptTimes($0, $1) }
            .sorted { ($0.attempts, $1.outcome.rawValue) > ($1.attempts, $0.outcome.rawValue) }
    }
}
