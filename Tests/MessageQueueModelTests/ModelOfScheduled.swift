@testable import MessageQueue

/// The model of what acts on messages that are not due yet.
extension Model {
    /// As a send, and told are those that have to wait, in their order.
    func schedule(_ messages: [Outgoing<Parcel>], in queue: World.ModelQueue) {
        arrive(messages, in: [queue])
        guard case .scheduled(let told)? = answer else { return }
        let waiting = messages.filter { known(queue).delays($0, isPublished: false) }.map(\.id)
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

    /// Due are those that waited still, whatever they waited for, and nothing else of them is changed.
    func hasten(_ receipts: [ScheduledReceipt], in queue: World.ModelQueue) {
        only([.hastened])
        let named = named(by: receipts, in: queue)
        judgeHastened { named[$0] != nil }
        guard case .acted(let told)? = answer else { return }
        judgeTold(told, of: named)
        let late = named.keys.filter { after.scheduled[$0]?.isMarked != true }
        demand(late.isEmpty, "\(late) are not due")
    }

    /// One of its transactions: some of what waits for another attempt is due; what was only delayed keeps its time.
    func hastenRetrying(in queue: World.ModelQueue) {
        only([.hastened])
        judgeHastened { ticket in
            before.scheduled[ticket].map { $0.name.queue == queue.id && $0.attempt > 1 } ?? false
        }
        guard case .count(let told)? = answer else { return }
        let sum = moved + change.hastened.count
        let late = after.scheduled.values.filter { $0.name.queue == queue.id && $0.attempt > 1 && !$0.isMarked }
        // What failed since the transaction began is due later than that, and is counted as well.
        demand(told >= sum, "told \(told), hastened \(sum)")
        demand(!isAlone || told == sum && late.isEmpty, "told \(told), hastened \(sum), and left \(late)")
    }

    private func judgeHastened(_ mayBe: (Int64) -> Bool) {
        for (ticket, resting) in change.hastened {
            let known = before.scheduled[ticket]
            demand(mayBe(ticket), "hastened \(resting), which was not asked for")
            demand(
                resting.isMarked && known?.name == resting.name && known?.attempt == resting.attempt,
                "\(known.map { "\($0)" } ?? "nothing") became \(resting)")
        }
    }

    /// As with a receipt of one's own, and counted with what is purged.
    func cancelChosen(_ receipts: [ScheduledReceipt], in queue: World.ModelQueue) {
        only([.unscheduled])
        let named = named(by: receipts, in: queue)
        let (taken, waiting) = (Headcount(change.unscheduled), Headcount(named.values))
        demand(change.isEmpty || taken == waiting, "took \(taken), not \(waiting)")
        guard case .acted(let told)? = answer else { return }
        judgeTold(told, of: named)
        demand(taken == waiting, "left some of \(waiting)")
    }

    /// By ticket, those that wait in this queue. Who acts on them has their locks: of what was there, nobody else takes any.
    private func named(by receipts: [ScheduledReceipt], in queue: World.ModelQueue) -> [Int64: Snapshot.Resting] {
        let tickets = Set(receipts.filter { $0.queue == queue.id }.map(\.ticket))
        return before.scheduled.filter { tickets.contains($0.key) && $0.value.name.queue == queue.id }
    }

    private func judgeTold(_ told: [MessageID], of named: [Int64: Snapshot.Resting]) {
        let ids = Set(named.values.map(\.name.id))
        demand(Set(told.map(\.uuid)) == ids && told.count == ids.count, "told \(told), acted on \(named)")
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
        switch command {
        case .cancelScheduled: accounts.handled += change.unscheduled.map(\.name)
        case .cancelChosen(_, let queue):
            accounts.handled += change.unscheduled.map(\.name)
            purged[queue.id, default: 0] += change.unscheduled.count
        default: break
        }
    }
}
