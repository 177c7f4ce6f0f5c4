import Foundation
import Metrics
import Synchronization

/// What one step counts and times. Made once: to look a series up by name costs more than to record a value.
final class StepMetrics: Sendable {
    private struct Series: Hashable {
        let outcome: DeliveryOutcome.Name
        let reason: String
    }

    private let queue: QueueName
    private let received, done, lingered: Counter
    private let pickup, preparation, commit: Metrics.Timer
    private let batch: Recorder
    private let others = Mutex<[Series: Counter]>([:])

    init(of queue: QueueName) {
        self.queue = queue
        received = Metric.received.counter(queue.text)
        done = Metric.deliveries.counter(queue.text, DeliveryOutcome.Name.done.rawValue, "")
        lingered = Metric.lingered.counter(queue.text)
        pickup = Metric.pickup.timer(queue.text)
        preparation = Metric.prepare.timer(queue.text)
        commit = Metric.commit.timer(queue.text)
        batch = Metric.batch.recorder(queue.text)
    }

    /// From an attempt's place in the queue to the start of its handling.
    func take(_ messages: [ReceivedMessage]) {
        received.increment(by: messages.count)
        let now = Wall.now
        // Never negative, also when the database's clock is ahead.
        for message in messages {
            pickup.recordSeconds(max(0, now - message.appendedAt.timeIntervalSince1970))
        }
    }

    func prepared(since start: ContinuousClock.Instant) { preparation.record(since: start) }

    func committed(_ count: Int, since start: ContinuousClock.Instant) {
        commit.record(since: start)
        batch.record(count)
    }

    func linger() { lingered.increment() }

    /// Counts what became of deliveries.
    func count(_ outcome: DeliveryOutcome, of deliveries: Int = 1) {
        guard deliveries > 0 else { return }
        if outcome.name == .done { return done.increment(by: deliveries) }
        series(outcome).increment(by: deliveries)
    }

    /// A step names the reasons of its dead letters itself, so the number of series is bounded here.
    private func series(_ outcome: DeliveryOutcome) -> Counter {
        others.withLock { known in
            let wanted = Series(outcome: outcome.name, reason: outcome.reason)
            let isNew = known[wanted] == nil && known.count >= Self.mostSeries
            let series = isNew ? Series(outcome: outcome.name, reason: Self.otherReason) : wanted
            if let counter = known[series] { return counter }
            let counter = Metric.deliveries.counter(queue.text, series.outcome.rawValue, series.reason)
            known[series] = counter
            return counter
        }
    }

    static let mostSeries = 40
    static let otherReason = "other"
}

extension Metrics.Timer {
    fileprivate func record(since start: ContinuousClock.Instant) {
        recordSeconds(start.secondsUntilNow)
    }
}
