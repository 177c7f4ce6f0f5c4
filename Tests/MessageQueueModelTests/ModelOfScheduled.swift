@testable import MessageQueue

/// The model of what acts on messages that are not due yet.
extension Model {
    /// As a send, and told are those that have to wait, in their order.
    func schedule(_ messages: [Outgoing<Parcel>], in queue: World.ModelQueue) {
        arrive(messages, in: [queue])
        guard case .scheduled(let told)? = answer else { return }
        let waiting = messages.filter { queue.delays($0, isPublished: false) }.map(\.id)
        demand(told.map(\.id) == waiting, "told \(told.map(\.id)), waiting are \(waiting)")
        let tickets = Set(after.scheduled.keys)
        demand(told.allSatisfy { tickets.contains($0.receipt.ticket) }, "told \(told), scheduled \(tickets)")
    }

    /// What a receipt was given for is gone, and nothing else is.
    func cancelScheduled() {
        only([.unscheduled])
        judgeReceipt()
        guard case .count(let count)? = answer else { return }
        demand(change.unscheduled.count == count, "told \(count), cancelled \(change.unscheduled)")
    }

    /// The same message is scheduled as before, at another time and by another receipt.
    func reschedule(to delay: Duration) {
        only([.unscheduled, .scheduled])
        judgeReceipt()
        let (old, new) = (Headcount(change.unscheduled), Headcount(change.scheduled))
        demand(old == new, "was \(old), is \(new)")
        demand(change.scheduled.allSatisfy { $0.isMarked == (delay == .zero) }, "due at the wrong time")
        guard case .scheduled(let told)? = answer else { return }
        demand(told.count == change.scheduled.count, "told \(told), scheduled \(change.scheduled)")
        demand(
            told.allSatisfy { after.scheduled[$0.receipt.ticket]?.name.id == $0.id.uuid }, "another ticket than told")
    }

    private func judgeReceipt() {
        let receipt: ScheduledReceipt? =
            switch command {
            case .cancelScheduled(let receipt), .reschedule(let receipt, _): receipt
            default: nil
            }
        guard let receipt else { return }
        let named = before.scheduled[receipt.ticket]
        demand(
            change.unscheduled.allSatisfy { $0 == named },
            "took \(change.unscheduled), not \(named.map { "\($0)" } ?? "nothing")")
        guard isAlone, answer != nil else { return }
        demand(change.unscheduled.count == (named == nil ? 0 : 1), "left \(receipt)")
    }
}

extension Scheduler {
    /// What is cancelled is handled by nobody.
    func countCancelled(by command: Command, _ change: Change) {
        if case .cancelScheduled = command { accounts.handled += change.unscheduled.map(\.name) }
    }
}
