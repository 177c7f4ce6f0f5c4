@testable import MessageQueue

/// The model of messages that are older than their queue keeps them.
extension Model {
    /// Whoever claims finishes at once what is outdated, and is given none of it.
    func dropOutdated() {
        only([.claimed, .finished])
        for (place, outcome) in change.finished {
            demand(change.claimed[place] != nil && outcome == Outcome.outdated.rawValue, "\(place) is \(outcome)")
        }
        for place in change.claimed.keys {
            let isOutdated = seen.log[place]?.isOutdated == true
            let isDropped = change.finished[place] != nil
            demand(isDropped == isOutdated, "\(place) is outdated: \(isOutdated), dropped: \(isDropped)")
        }
    }

    /// Of each lane what stands at its front, up to the first message that isn't outdated.
    func discardOutdated() {
        dropOutdated()
        demand(change.delivered.isEmpty, "claimed \(change.delivered), and left it")
        guard isAlone, case .count? = answer else { return }
        let lanes = Dictionary(grouping: after.log.filter { $0.value.isWaiting }) { "\($0.key.queue).\($0.key.lane)" }
        for places in lanes.values {
            guard let first = places.min(by: { $0.key < $1.key }), !after.paused.contains(first.key.queue) else {
                continue
            }
            demand(!first.value.isOutdated, "left \(first.key), which is outdated")
        }
    }
}
