import Foundation
import Postgres

@testable import MessageQueue

/// The pure model: what each verb may change by one commit, and must, given what stood there before.
final class Model {
    let command: Command
    let consumer: Int64
    let before: Snapshot
    let after: Snapshot
    let change: Change
    /// How many it had put into the log, or made due, in earlier transactions.
    let moved: Int
    /// What the verb answered; nil while it goes on, in its next transaction.
    let outcome: Result<Command.Answer, any Error>?
    /// Nobody else was in the middle of a transaction since the command began: nothing was locked, so nothing is left out.
    let isAlone: Bool
    /// What was committed when its last statement was sent.
    let seen: Snapshot
    /// What was paused then; none when nobody can tell, since the statement had to wait.
    let paused: Set<Int32>
    /// How many others, at most, were in the middle of a transaction beside it, and so may have held a lane each.
    let company: Int
    let world: World.Facts
    /// Queues were set up otherwise in the middle of a statement, which may have gone by both.
    let isBetweenSettings: Bool

    private(set) var contradictions: [String] = []

    func demand(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { contradictions.append("\(what()), by \(command)") }
    }

    var answer: Command.Answer? { if case .success(let answer)? = outcome { answer } else { nil } }

    init(
        of run: Scheduler.Run, from before: Snapshot, to after: Snapshot, _ change: Change,
        _ outcome: Result<Command.Answer, any Error>?, in world: World.Facts
    ) {
        command = run.command
        consumer = run.consumer
        self.before = before
        self.after = after
        self.change = change
        moved = run.moved
        self.outcome = outcome
        isAlone = run.isAlone
        seen = run.view
        paused = run.wasBlocked ? [] : run.view.paused
        company = run.company
        self.world = world
        isBetweenSettings = run.wasBlocked && run.setups.count > 1
        contradictions = change.contradictions.map { "\($0), by \(command)" }
        judge()
        judgeLanes()
        judgeOrder()
    }

    private func judge() {
        switch command {
        case .send(let messages, let queue): arrive(messages, in: [queue])
        case .sendOnce(let messages, let queue, let key): arriveOnce(messages, in: queue, by: key)
        case .publish(let messages), .publishLater(let messages): arrive(messages, in: world.queues)
        case .sendUnderName(let messages, let queue, let request):
            arrive(messages, in: [queue], under: request, of: "\(queue.id)")
        case .publishUnderName(let messages, let request):
            arrive(messages, in: world.queues, under: request, of: World.topic.name.text)
        case .produce(let batches, let queue): produce(batches, in: queue)
        case .schedule(let messages, let queue): schedule(messages, in: queue)
        case .cancelScheduled: cancelScheduled()
        case .reschedule(_, let delay): reschedule(to: delay)
        case .hasten(let receipts, let queue): hasten(receipts, in: queue)
        case .hastenRetrying(let queue): hastenRetrying(in: queue)
        case .cancelChosen(let receipts, let queue): cancelChosen(receipts, in: queue)
        case .prepareHalf(let message): prepareHalf(message)
        case .commitHalf(let receipt): commitHalf(receipt)
        case .rollbackHalf(let receipt): rollbackHalf(receipt)
        case .checkHalves(let limit): checkHalves(limit: limit)
        case .receive(let queue, let limit, let lease, _, _):
            claim(of: queue, limit: limit, by: consumer, lease: lease == nil ? .untilGone : .running)
        case .receiveByHand(let queue, let limit): receiveByHand(of: known(queue), limit: limit)
        case .peek(let queue, _): peek(into: known(queue))
        case .finish(let endings, _): finish(endings)
        case .extend(let messages): extend(messages)
        case .acknowledge(let receipts): acknowledge(receipts)
        case .discardOutdated: discardOutdated()
        case .changeVisibility(let receipt, let lease): changeVisibility(of: receipt, to: lease)
        case .rescue(let queue, let gone, _): rescue(in: queue, from: Set(gone))
        case .rescueLost(let queue): rescueLost(in: queue)
        case .promote(let queue, let limit): promote(in: queue, limit: limit)
        case .pause, .resume: only([.paused])
        case .redrive(let queue): redrive(in: queue)
        case .purge(let queue): purge(in: queue)
        case .purgeWaiting(let queue): purgeWaiting(in: queue)
        case .changeQueue(let queue, let attempts, let delay): changeQueue(queue, attempts, delay)
        case .changeSubscription(let queue, let tags): changeSubscription(of: queue, to: tags)
        case .subscribe(let queue, let tags): subscribe(queue, to: tags)
        case .unsubscribe(let queue): unsubscribe(queue)
        case .deleteQueue: deleteQueue()
        case .createQueue: createQueue()
        case .retryBlocked(let queue, let key): retryBlocked(Key(queue: queue.id, text: key))
        case .skipBlocked(let queue, let key): skipBlocked(Key(queue: queue.id, text: key))
        case .retire(let drops): only(drops ? [.dropped] : [])
        case .openPlaces, .statistics: only([])
        }
    }

    /// As it is set up at the moment that the command went by.
    func known(_ queue: World.ModelQueue) -> World.ModelQueue { world.setup.known(queue) }

    func only(_ parts: Set<Change.Part>) {
        let others = change.parts.subtracting(parts)
        demand(others.isEmpty, "changed \(others)")
    }

    // MARK: Sending

    /// - Parameter others: what else the command changes.
    func arrive(_ messages: [Outgoing<Parcel>], in queues: [World.ModelQueue], beside others: Set<Change.Part> = []) {
        only(others.union([.appended, .scheduled]))
        var expected: [(Name, Int)] = []
        var delayed: Set<Name> = []
        let isForLater = if case .publishLater = command { true } else { false }
        let isPublished =
            switch command {
            case .publish, .publishLater, .publishUnderName, .commitHalf: true
            default: false
            }
        for queue in queues.map(known) {
            for message in messages where !isPublished || queue.hears(message.tag) {
                let name = Name(queue: queue.id, id: message.id.uuid)
                expected.append((name, 1))
                if isForLater || queue.delays(message, isPublished: isPublished) { delayed.insert(name) }
            }
        }
        let arrived = Headcount(change.appended) + Headcount(change.scheduled)
        demand(arrived == Headcount(expected), "arrived: \(arrived), sent: \(Headcount(expected))")
        judgeParked(delayed: delayed)
    }

    /// One of its transactions: it takes its lane, stores what one call sends, or gives the lane back.
    private func produce(_ batches: [[Outgoing<Parcel>]], in queue: World.ModelQueue) {
        let ids = Set(change.appended.values.map(\.name.id) + change.scheduled.map(\.name.id))
        arrive(batches.first { $0.contains { ids.contains($0.id.uuid) } } ?? [], in: [queue])
    }

    private func judgeParked(delayed: Set<Name>) {
        if isBetweenSettings { return }
        for attempt in change.appended.values {
            demand(!delayed.contains(attempt.name), "\(attempt.name) did not wait for its delay")
        }
        for resting in change.scheduled where resting.isMarked != !delayed.contains(resting.name) {
            demand(false, "\(resting.name) is scheduled to the wrong time")
        }
        for resting in change.scheduled where resting.isMarked {
            guard let queue = world.queue(of: resting.name.queue) else { continue }
            demand(queue.order == nil, "\(resting.name) did not wait for its lane")
            demand(
                company >= queue.lanes,
                "\(resting.name) found none of \(queue.lanes) lanes free, beside \(company) others")
        }
    }

    private func arriveOnce(_ messages: [Outgoing<Parcel>], in queue: World.ModelQueue, by key: String) {
        let isNew = !world.keys.contains("\(queue.id) \(key)")
        arrive(isNew ? Array(messages.prefix(1)) : [], in: [queue])
        if case .count(let count)? = answer { demand(count == (isNew ? 1 : 0), "told \(count) new") }
    }

    // MARK: Receiving

    private func claim(of queue: World.ModelQueue, limit: Int, by consumer: Int64, lease: Snapshot.Claim.Lease) {
        if queue.order == nil { dropOutdated() } else { holdBackAtOnce(in: queue) }
        for (place, claim) in change.claimed {
            demand(claim.consumer == consumer, "\(place) is claimed by \(claim.consumer), not \(consumer)")
            demand(claim.lease == lease, "the lease of \(place) is \(claim.lease)")
            demand(place.queue == queue.id, "\(place) is of another queue")
            demand(before.log[place]?.isWaiting == true, "\(place) was not waiting")
        }
        demand(change.claimed.isEmpty || !paused.contains(queue.id), "claimed from a paused queue")
        let allowed = allowance(of: queue)
        let most = min(limit, allowed ?? limit)
        demand(change.claimed.count <= most, "claimed \(change.claimed.count) of \(most) allowed")
        guard case .received(let messages)? = answer, case .receive(_, _, _, _, let first) = command else { return }
        let given = Headcount(before.log.filter { change.delivered.contains($0.key) })
        demand(told(messages) == given, "told \(told(messages)), claimed \(given)")
        demand(messages.allSatisfy { $0.message.key == Name($0).key }, "another key than was sent")
        let others = (0..<queue.levels.rawValue).filter { $0 != first }
        let levels = queue.levels == .none ? [0] : [first] + others
        let found = messages.map { queue.level(of: Name($0)) }
        let ranks = found.map { levels.firstIndex(of: $0) ?? 0 }
        demand(ranks == ranks.sorted(), "\(found) in this order")
        if isAlone { judgeShares(of: queue, most, levels) }
    }

    private func told(_ messages: [ReceivedMessage]) -> Headcount {
        Headcount(messages.map { (Name($0), $0.attempt) })
    }

    /// One of its transactions: it takes, rescues what has no lease any more, or promotes what is due.
    private func receiveByHand(of queue: World.ModelQueue, limit: Int) {
        if change.claimed.isEmpty, !change.finished.isEmpty { return rescue(in: queue, from: []) }
        if !change.appended.isEmpty { return promote(in: queue, limit: 1000) }
        claim(of: queue, limit: limit, by: 0, lease: .running)
    }

    /// It takes nothing. One of its transactions may rescue what has no lease any more, or promote what is due, to look again.
    private func peek(into queue: World.ModelQueue) {
        demand(change.claimed.isEmpty, "claimed \(change.claimed.keys), and was only to look")
        if !change.finished.isEmpty { return rescue(in: queue, from: []) }
        if !change.appended.isEmpty { return promote(in: queue, limit: 1000) }
        only([])
    }

    // MARK: Finishing

    private func finish(_ endings: [Command.Ending]) {
        only([.finished, .scheduled, .died, .held, .blocks])
        var expected: [Receipt: String] = [:]
        var (scheduled, due, held, died) = (Headcount(), Headcount(), Headcount(), Headcount())
        for ending in endings {
            let (name, attempt) = (ending.name, ending.message.attempt)
            demand(before.log[ending.message.receipt]?.isOpen == true, "\(ending.message.receipt) was not open")
            guard let queue = world.queue(of: name.queue) else { continue }
            let isOrdered = queue.keepsOrder(name)
            let isDead = ending.kind == .dead && !(isOrdered && queue.order == .blockOnFailure)
            expected[ending.message.receipt] = (isDead ? Outcome.dead : ending.kind.outcomeBut).rawValue
            let next = [.retried, .retriedLater].contains(ending.kind) ? attempt + 1 : attempt
            switch ending.kind {
            case .done: break
            case _ where isDead: died.add(name, attempt)
            case _ where isOrdered: held.add(name, next)
            default:
                scheduled.add(name, next)
                if ending.kind != .retriedLater { due.add(name, next) }
            }
            if isOrdered, !isDead, let retry = ending.kind.retry {
                let block = after.blocked[Key(queue: queue.id, text: name.key ?? "")]
                let waits = block.map { "\($0.retry)" } ?? "no more"
                demand(block?.retry == retry, "\(name) is to be tried again \(retry), its key \(waits)")
            }
        }
        demand(change.finished == expected, "finished \(change.finished), expected \(expected)")
        demand(
            Headcount(change.scheduled) == scheduled, "put back \(Headcount(change.scheduled)), expected \(scheduled)")
        let ready = change.scheduled.filter(\.isMarked)
        demand(Headcount(ready) == due, "due at once: \(ready), expected \(due)")
        demand(Headcount(change.held.values) == held, "held \(change.held.values), expected \(held)")
        demand(Headcount(change.died) == died, "died: \(change.died), expected \(died)")
    }

    private func extend(_ messages: [ReceivedMessage]) {
        only([.leases])
        guard answer != nil else { return }
        for message in messages {
            // Its holder may finish it once it is extended.
            let attempt = seen.log[message.receipt]
            demand(attempt?.isOpen == true, "\(message.receipt) was not open")
            let lease = (change.leases[message.receipt] ?? attempt?.claim)?.lease
            demand(lease != .ended, "the lease of \(message.receipt) is over all the same")
        }
    }

    // MARK: Rescuing

    private func rescue(in queue: World.ModelQueue, from gone: Set<Int64>) {
        let queue = known(queue)
        only([.finished, .scheduled, .died, .held, .blocks])
        func isAbandoned(_ attempt: Snapshot.Attempt) -> Bool {
            guard attempt.isOpen, let claim = attempt.claim else { return false }
            return claim.lease == .ended || claim.lease == .untilGone && gone.contains(claim.consumer)
        }
        var (scheduled, held, died) = (Headcount(), Headcount(), Headcount())
        for (place, outcome) in change.finished {
            guard let attempt = before.log[place] else { continue }
            demand(outcome == Outcome.expired.rawValue && isAbandoned(attempt), "\(place) was not abandoned")
            let isOrdered = queue.keepsOrder(attempt.name)
            let mayLive = attempt.number < queue.attempts
            switch (mayLive, isOrdered) {
            case (true, true): held.add(attempt.name, attempt.number + 1)
            case (true, false): scheduled.add(attempt.name, attempt.number + 1)
            case (false, true) where queue.order == .blockOnFailure: held.add(attempt.name, attempt.number)
            case (false, _): died.add(attempt.name, attempt.number)
            }
        }
        demand(Headcount(change.scheduled) == scheduled, "put back \(change.scheduled), expected \(scheduled)")
        demand(Headcount(change.held.values) == held, "held \(change.held.values), expected \(held)")
        demand(Headcount(change.died) == died, "died: \(change.died), expected \(died)")
        demand(change.died.allSatisfy(\.isMarked), "died of something else")
        switch answer {
        case .count(let count)?, .lost(_, let count)?:
            demand(count == change.finished.count, "told \(count), rescued \(change.finished.count)")
            let abandoned = before.log.filter { $0.key.queue == queue.id && isAbandoned($0.value) }
            demand(!isAlone || count == abandoned.count, "rescued \(count) of \(abandoned.count)")
        default: break
        }
    }

    private func rescueLost(in queue: World.ModelQueue) {
        let gone: Set<Int64> = if case .lost(let gone, _)? = answer { gone } else { world.lost }
        demand(gone.isSubset(of: world.lost), "took \(gone.subtracting(world.lost)) for lost, which live")
        demand(!isAlone || gone == world.lost, "did not see that \(world.lost.subtracting(gone)) are lost")
        rescue(in: queue, from: gone)
    }

    private func promote(in queue: World.ModelQueue, limit: Int) {
        only([.appended, .unscheduled, .unheld, .blocks])
        let gone = Headcount(change.unscheduled) + Headcount(change.unheld.values)
        demand(Headcount(change.appended) == gone, "moved \(gone) as \(Headcount(change.appended))")
        for resting in change.unscheduled {
            demand(resting.isMarked && resting.name.queue == queue.id, "\(resting.name) was not due here")
        }
        demand(change.unscheduled.count <= limit, "moved \(change.unscheduled.count) of at most \(limit)")
        judgeReplay(in: queue)
        guard case .count(let told)? = answer else { return }
        let sum = moved + change.appended.count
        demand(told == sum, "told \(told), moved \(sum)")
        let left = after.scheduled.values.filter { $0.isMarked && $0.name.queue == queue.id }.count
        let keys = after.blocked.filter {
            $0.key.queue == queue.id && $0.value.retry == .due && $0.value.replaying == 0
        }
        demand(!isAlone || keys.isEmpty && (left == 0 || sum >= limit), "moved \(sum) and left \(left), \(keys)")
    }
}
