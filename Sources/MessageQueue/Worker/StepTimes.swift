import Foundation
import Metrics

/// How long things take in one step, as metrics. Made once: to look a series up by name costs more than to record a value.
struct StepTimes: Sendable {
    private let pickup, preparation, commit: Recorder

    init(of queue: QueueName) {
        let dimensions = [("queue", queue.text)]
        pickup = Recorder(label: "mq_pickup_seconds", dimensions: dimensions)
        preparation = Recorder(label: "mq_prepare_seconds", dimensions: dimensions)
        commit = Recorder(label: "mq_commit_seconds", dimensions: dimensions)
    }

    /// From an attempt's place in the queue to the start of its handling.
    func pickup(of messages: [ReceivedMessage]) {
        let now = Wall.now
        // Never negative, also when the database's clock is ahead.
        for message in messages { pickup.record(max(0, now - message.appendedAt.timeIntervalSince1970)) }
    }

    func preparation(since start: ContinuousClock.Instant) { preparation.record(start.secondsUntilNow) }
    func commit(since start: ContinuousClock.Instant) { commit.record(start.secondsUntilNow) }
}
