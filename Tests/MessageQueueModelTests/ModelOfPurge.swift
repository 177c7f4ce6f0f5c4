@testable import MessageQueue

/// The model of a queue whose waiting messages an operator deletes.
extension Model {
    /// One of its transactions: it deletes what is scheduled, what is held back, or what waits in the log.
    func purgeWaiting(in queue: World.ModelQueue) {
        only([.claimed, .finished, .unscheduled, .unheld, .blocks])
        for (place, outcome) in change.finished {
            demand(outcome == Outcome.purged.rawValue, "\(place) is \(outcome)")
            demand(before.log[place]?.isWaiting == true && place.queue == queue.id, "\(place) did not wait here")
            demand(before.log[place]?.rank == nil, "\(place) is delivered anew, and was purged")
        }
        demand(Set(change.claimed.keys) == Set(change.finished.keys), "claimed \(change.delivered), and left it")
        let gone = change.unscheduled.map(\.name) + change.unheld.values.map(\.name)
        demand(gone.allSatisfy { $0.queue == queue.id }, "\(gone) were of other queues")
        guard isAlone, case .count? = answer else { return }
        let waiting = after.log.filter { $0.key.queue == queue.id && $0.value.isWaiting && $0.value.rank == nil }
        demand(waiting.isEmpty, "left \(waiting.keys)")
        let resting = Array(after.scheduled.values) + after.held.filter { $0.key.key.queue == queue.id }.values
        demand(!resting.contains { $0.name.queue == queue.id }, "left \(resting)")
    }
}

extension Scheduler {
    /// Each of its transactions counts what it deleted. What was in the log is counted with all that ends there.
    func countPurged(by command: Command, _ change: Change) {
        guard case .purgeWaiting(let queue) = command else { return }
        let gone = change.unscheduled.map(\.name) + change.unheld.values.map(\.name)
        purged[queue.id, default: 0] += gone.count + change.finished.count
        accounts.handled += gone
    }
}
