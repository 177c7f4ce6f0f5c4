package import CoreMetrics

/// A metric. Whatever this library records is made from one of these, and <doc:Metrics> lists them all.
///
/// Names follow the conventions of Prometheus: the unit at the end, counters with `_total`, moments as seconds since 1970 with
/// `_timestamp_seconds`. No label takes a value from a message, so the number of series follows from what is declared.
package struct Metric: Sendable {
    package enum Kind: String, Sendable { case counter, gauge, histogram }

    package let name: String
    package let kind: Kind
    package let unit: String
    package let labels: [String]

    package init(_ name: String, _ kind: Kind, of unit: String, by labels: String...) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.labels = labels
    }

    /// - Parameter values: of the labels, one by one.
    private func dimensions(_ values: [String]) -> [(String, String)] { Array(zip(labels, values)) }

    package func counter(_ values: String...) -> Counter { Counter(label: name, dimensions: dimensions(values)) }
    package func gauge(_ values: String...) -> Gauge { Gauge(label: name, dimensions: dimensions(values)) }
    /// A histogram of durations.
    package func timer(_ values: String...) -> Timer { Timer(label: name, dimensions: dimensions(values)) }
    /// A histogram of numbers.
    package func recorder(_ values: String...) -> Recorder { Recorder(label: name, dimensions: dimensions(values)) }
}

extension Metric {
    // MARK: Steps

    static let received = Metric("mq_received_total", .counter, of: "messages", by: "queue")
    static let deliveries = Metric("mq_deliveries_total", .counter, of: "messages", by: "queue", "outcome", "reason")
    static let pickup = Metric("mq_pickup_seconds", .histogram, of: "seconds", by: "queue")
    static let prepare = Metric("mq_prepare_seconds", .histogram, of: "seconds", by: "queue")
    static let commit = Metric("mq_commit_seconds", .histogram, of: "seconds", by: "queue")
    static let batch = Metric("mq_batch_messages", .histogram, of: "messages", by: "queue")
    static let commitDelayed = Metric("mq_commit_delayed_total", .counter, of: "commits", by: "queue")
    static let lingered = Metric("mq_lingered_total", .counter, of: "times", by: "queue")
    static let breakerOpen = Metric("mq_breaker_open", .gauge, of: "0 or 1", by: "queue")
    static let breakerOpened = Metric("mq_breaker_opened_total", .counter, of: "times", by: "queue")

    // MARK: Workers

    static let build = Metric("mq_build_info", .gauge, of: "1", by: "version")
    static let consumerConnected = Metric("mq_consumer_connected", .gauge, of: "0 or 1")
    static let consumersLost = Metric("mq_consumers_lost_total", .counter, of: "consumers")
    static let rescued = Metric("mq_rescued_total", .counter, of: "messages", by: "queue")
    static let loopLate = Metric("mq_loop_late_seconds", .gauge, of: "seconds", by: "loop")
    static let choreDone = Metric("mq_chore_done_timestamp_seconds", .gauge, of: "seconds since 1970", by: "chore")
    static let choreFailures = Metric("mq_chore_failures_total", .counter, of: "times", by: "chore")
    static let chorePostponed = Metric("mq_chore_postponed_total", .counter, of: "times", by: "chore")

    // MARK: Queues

    static let queueDepth = Metric("mq_queue_depth", .gauge, of: "messages", by: "queue")
    static let queueOutdated = Metric("mq_queue_outdated", .gauge, of: "messages", by: "queue")
    static let queueInFlight = Metric("mq_queue_in_flight", .gauge, of: "messages", by: "queue")
    static let queueScheduled = Metric("mq_queue_scheduled", .gauge, of: "messages", by: "queue")
    static let queueRetrying = Metric("mq_queue_retrying", .gauge, of: "messages", by: "queue")
    static let queueHeld = Metric("mq_queue_held", .gauge, of: "messages", by: "queue")
    static let queueBlockedKeys = Metric("mq_queue_blocked_keys", .gauge, of: "keys", by: "queue")
    static let queueDead = Metric("mq_queue_dead", .gauge, of: "messages", by: "queue")
    static let queueOldest = Metric("mq_queue_oldest_seconds", .gauge, of: "seconds", by: "queue")
    static let queuePaused = Metric("mq_queue_paused", .gauge, of: "0 or 1", by: "queue")
    static let segmentsOverdue = Metric("mq_segments_overdue", .gauge, of: "segments")
    static let queuesRead = Metric("mq_queues_read_timestamp_seconds", .gauge, of: "seconds since 1970")

    // MARK: Pool

    static let poolOpen = Metric("postgres_pool_open", .gauge, of: "connections")
    static let poolIdle = Metric("postgres_pool_idle", .gauge, of: "connections")
    static let poolWaiting = Metric("postgres_pool_waiting", .gauge, of: "callers")
    static let poolLimit = Metric("postgres_pool_limit", .gauge, of: "connections")

    // MARK: Long polls

    static let receiversWaiting = Metric("mq_receivers_waiting", .gauge, of: "callers")

    static let all = [
        received, deliveries, pickup, prepare, commit, batch, commitDelayed, lingered, breakerOpen, breakerOpened,
        build, consumerConnected, consumersLost, rescued, loopLate, choreDone, choreFailures,
        chorePostponed,
        queueDepth, queueInFlight, queueScheduled, queueRetrying, queueHeld, queueBlockedKeys, queueDead, queueOutdated,
        queueOldest, queuePaused, segmentsOverdue, queuesRead, poolOpen, poolIdle, poolWaiting, poolLimit,
        receiversWaiting,
    ]
}
