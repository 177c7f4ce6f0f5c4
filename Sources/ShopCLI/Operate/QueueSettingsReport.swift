import Durations
import Foundation
import MessageQueue

/// How a queue is set up, beside its limits.
struct QueueSettingsReport: Encodable {
    let lanes, attempts, priorities: Int
    let leaseSeconds, firstBackoffSeconds, longestBackoffSeconds, delaySeconds: Double
    /// Nil for ever.
    let retentionSeconds: Double?
    /// Nil for none.
    let order: String?
    let createdAt, changedAt: Date

    init(_ entry: QueueEntry) {
        let settings = entry.settings
        (lanes, attempts, priorities) = (settings.lanes, settings.retry.attempts, Int(settings.priorities.rawValue))
        (leaseSeconds, delaySeconds) = (settings.lease.inSeconds, settings.delay.inSeconds)
        firstBackoffSeconds = settings.retry.base.inSeconds
        longestBackoffSeconds = settings.retry.cap.inSeconds
        retentionSeconds = settings.retention?.inSeconds
        order = settings.order.map { "\($0)" }
        (createdAt, changedAt) = (entry.createdAt, entry.changedAt)
    }

    /// For people.
    var facts: [(String, String)] {
        [
            ("lanes", "\(lanes)"), ("lease", Self.text(leaseSeconds)), ("attempts", "\(attempts) at the most"),
            ("back-off", "\(Self.text(firstBackoffSeconds)) to \(Self.text(longestBackoffSeconds))"),
            ("priorities", priorities == 1 ? "no" : "\(priorities)"), ("order", order ?? "none"),
            ("retention", retentionSeconds.map(Self.text) ?? "for ever"), ("delay", Self.text(delaySeconds)),
            ("made", createdAt.ISO8601Format()), ("changed", changedAt.ISO8601Format()),
        ]
    }

    private static func text(_ seconds: Double) -> String { Duration.seconds(seconds).text }
}
