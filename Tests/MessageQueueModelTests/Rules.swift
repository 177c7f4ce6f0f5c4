import Foundation
import Postgres

@testable import MessageQueue

/// The pure model: what each verb may change by one commit, and must, given what stood there before.
final class Scene {
    let deed: Deed
    let consumer: Int64
    let before: Snapshot
    let after: Snapshot
    let change: Change
    /// How many it had put into the log in earlier transactions.
    let moved: Int
    /// What the verb answered; nil while it goes on, in its next transaction.
    let outcome: Result<Deed.Answer, any Error>?
    /// Nobody else was in the middle of a transaction since the deed began: nothing was locked, so nothing is left out.
    let isAlone: Bool
    /// What was committed when its last statement was sent.
    let seen: Snapshot
    /// What was paused then; none when nobody can tell, since the statement had to wait.
    let paused: Set<Int32>
    /// How many others, at most, were in the middle of a transaction beside it, and so may have held a lane each.
    let company: Int
    let world: World.Facts

    private(set) var contradictions: [String] = []

    func demand(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { contradictions.append("\(what()), by \(deed)") }
    }

    var answer: Deed.Answer? { if case .success(let answer)? = outcome { answer } else { nil } }

    init(
        of run: Stage.Run, from before: Snapshot, to after: Snapshot, _ change: Change,
        _ outcome: Result<Deed.Answer, any Error>?, in world: World.Facts
    ) {
        deed = run.deed
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
        contradictions = change.contradictions.map { "\($0), by \(deed)" }
        judge()
        judgeLanes()
        judgeOrder()
    }

    private func judge() {
        switch deed {
        case .send(let messages, let line): arrive(messages, in: [line])
        case .sendOnce(let messages, let line, let key): arriveOnce(messages, in: line, by: key)
        case .publish(let messages): arrive(messages, in: world.lines)
        case .produce(let batches, let line): produce(batches, in: line)
        case .receive(let line, let limit, let lease, _, _):
            claim(of: line, limit: limit, by: consumer, lease: lease == nil ? .untilGone : .running)
        case .receiveByHand(let line, let limit): receiveByHand(of: line, limit: limit)
        case .finish(let verdicts, _): finish(verdicts)
        case .extend(let messages): extend(messages)
        case .rescue(let line, let gone, _): rescue(in: line, from: Set(gone))
        case .rescueLost(let line): rescueLost(in: line)
        case .promote(let line, let limit): promote(in: line, limit: limit)
        case .pause, .resume: only([.paused])
        case .redrive(let line): redrive(in: line)
        case .purge(let line): purge(in: line)
        case .retryBlocked(let line, let key): retryBlocked(Key(queue: line.id, text: key))
        case .skipBlocked(let line, let key): skipBlocked(Key(queue: line.id, text: key))
        case .retire(let drops): only(drops ? [.dropped] : [])
        case .settle, .statistics: only([])
        }
    }

    func only(_ parts: Set<Change.Part>) {
        let others = change.parts.subtracting(parts)
        demand(others.isEmpty, "changed \(others)")
    }

    // MARK: Sending

    private func arrive(_ messages: [Outgoing<Parcel>], in lines: [World.Line]) {
        only([.appended, .deferred])
        var expected: [(Name, Int)] = []
        let isPublished = if case .publish = deed { true } else { false }
        for line in lines {
            for message in messages where !isPublished || line.hears(message.tag) {
                expected.append((Name(queue: line.id, id: message.id.uuid), 1))
            }
        }
        let arrived = Headcount(change.appended) + Headcount(change.deferred)
        demand(arrived == Headcount(expected), "arrived: \(arrived), sent: \(Headcount(expected))")
        judgeParked(delayed: Set(messages.filter { $0.delay > .zero }.map(\.id.uuid)))
    }

    /// One of its transactions: it takes its lane, stores what one call sends, or gives the lane back.
    private func produce(_ batches: [[Outgoing<Parcel>]], in line: World.Line) {
        let ids = Set(change.appended.values.map(\.name.id) + change.deferred.map(\.name.id))
        arrive(batches.first { $0.contains { ids.contains($0.id.uuid) } } ?? [], in: [line])
    }

    private func judgeParked(delayed: Set<UUID>) {
        for attempt in change.appended.values {
            demand(!delayed.contains(attempt.name.id), "\(attempt.name) did not wait for its delay")
        }
        for resting in change.deferred where resting.isMarked != !delayed.contains(resting.name.id) {
            demand(false, "\(resting.name) is deferred to the wrong time")
        }
        for resting in change.deferred where resting.isMarked {
            guard let line = world.line(of: resting.name.queue) else { continue }
            demand(line.order == nil, "\(resting.name) did not wait for its lane")
            demand(
                company >= line.lanes,
                "\(resting.name) found none of \(line.lanes) lanes free, beside \(company) others")
        }
    }

    private func arriveOnce(_ messages: [Outgoing<Parcel>], in line: World.Line, by key: String) {
        let isNew = !world.keys.contains("\(line.id) \(key)")
        arrive(isNew ? Array(messages.prefix(1)) : [], in: [line])
        if case .count(let count)? = answer { demand(count == (isNew ? 1 : 0), "told \(count) new") }
    }

    // MARK: Receiving

    private func claim(of line: World.Line, limit: Int, by consumer: Int64, lease: Snapshot.Claim.Lease) {
        holdBackAtOnce(in: line)
        for (place, claim) in change.claimed {
            demand(claim.consumer == consumer, "\(place) is claimed by \(claim.consumer), not \(consumer)")
            demand(claim.lease == lease, "the lease of \(place) is \(claim.lease)")
            demand(place.queue == line.id, "\(place) is of another queue")
            demand(before.log[place]?.isWaiting == true, "\(place) was not waiting")
        }
        demand(change.claimed.isEmpty || !paused.contains(line.id), "claimed from a paused queue")
        let allowed = allowance(of: line)
        let most = min(limit, allowed ?? limit)
        demand(change.claimed.count <= most, "claimed \(change.claimed.count) of \(most) allowed")
        guard case .received(let messages)? = answer, case .receive(_, _, _, _, let first) = deed else { return }
        let given = Headcount(before.log.filter { change.delivered.contains($0.key) })
        demand(told(messages) == given, "told \(told(messages)), claimed \(given)")
        demand(messages.allSatisfy { $0.message.key == Name($0).key }, "another key than was sent")
        let levels = [first] + Priority.allCases.filter { $0 != first }
        let ranks = messages.map { line.kind == .urgent ? levels.firstIndex(of: Name($0).priority) ?? 0 : 0 }
        demand(ranks == ranks.sorted(), "\(messages.map { Name($0).priority }) in this order")
        if isAlone { judgeShares(of: line, most, levels) }
    }

    private func told(_ messages: [ReceivedMessage]) -> Headcount {
        Headcount(messages.map { (Name($0), $0.attempt) })
    }

    /// One of its transactions: it takes, rescues what has no lease any more, or promotes what is due.
    private func receiveByHand(of line: World.Line, limit: Int) {
        if change.claimed.isEmpty, !change.finished.isEmpty { return rescue(in: line, from: []) }
        if !change.appended.isEmpty { return promote(in: line, limit: 1000) }
        claim(of: line, limit: limit, by: 0, lease: .running)
    }

    // MARK: Finishing

    private func finish(_ verdicts: [Deed.Verdict]) {
        only([.finished, .deferred, .died, .held, .blocks])
        var expected: [Receipt: String] = [:]
        var (deferred, due, held, died) = (Headcount(), Headcount(), Headcount(), Headcount())
        for verdict in verdicts {
            let (name, attempt) = (verdict.name, verdict.message.attempt)
            demand(before.log[verdict.message.receipt]?.isOpen == true, "\(verdict.message.receipt) was not open")
            guard let line = world.line(of: name.queue) else { continue }
            let isOrdered = line.keepsOrder(name)
            let isDead = verdict.fate == .dead && !(isOrdered && line.order == .blockOnFailure)
            expected[verdict.message.receipt] = (isDead ? Outcome.dead : verdict.fate.outcomeBut).rawValue
            let next = [.retried, .retriedLater].contains(verdict.fate) ? attempt + 1 : attempt
            switch verdict.fate {
            case .done: break
            case _ where isDead: died.add(name, attempt)
            case _ where isOrdered: held.add(name, next)
            default:
                deferred.add(name, next)
                if verdict.fate != .retriedLater { due.add(name, next) }
            }
            if isOrdered, !isDead, let retry = verdict.fate.retry {
                let block = after.blocked[Key(queue: line.id, text: name.key ?? "")]
                let waits = block.map { "\($0.retry)" } ?? "no more"
                demand(block?.retry == retry, "\(name) is to be tried again \(retry), its key \(waits)")
            }
        }
        demand(change.finished == expected, "finished \(change.finished), expected \(expected)")
        demand(Headcount(change.deferred) == deferred, "put back \(Headcount(change.deferred)), expected \(deferred)")
        let ready = change.deferred.filter(\.isMarked)
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

    private func rescue(in line: World.Line, from gone: Set<Int64>) {
        only([.finished, .deferred, .died, .held, .blocks])
        func isAbandoned(_ attempt: Snapshot.Attempt) -> Bool {
            guard attempt.isOpen, let claim = attempt.claim else { return false }
            return claim.lease == .ended || claim.lease == .untilGone && gone.contains(claim.consumer)
        }
        var (deferred, held, died) = (Headcount(), Headcount(), Headcount())
        for (place, outcome) in change.finished {
            guard let attempt = before.log[place] else { continue }
            demand(outcome == Outcome.expired.rawValue && isAbandoned(attempt), "\(place) was not abandoned")
            let isOrdered = line.keepsOrder(attempt.name)
            let mayLive = attempt.number < line.attempts
            switch (mayLive, isOrdered) {
            case (true, true): held.add(attempt.name, attempt.number + 1)
            case (true, false): deferred.add(attempt.name, attempt.number + 1)
            case (false, true) where line.order == .blockOnFailure: held.add(attempt.name, attempt.number)
            case (false, _): died.add(attempt.name, attempt.number)
            }
        }
        demand(Headcount(change.deferred) == deferred, "put back \(change.deferred), expected \(deferred)")
        demand(Headcount(change.held.values) == held, "held \(change.held.values), expected \(held)")
        demand(Headcount(change.died) == died, "died: \(change.died), expected \(died)")
        demand(change.died.allSatisfy(\.isMarked), "died of something else")
        switch answer {
        case .count(let count)?, .lost(_, let count)?:
            demand(count == change.finished.count, "told \(count), rescued \(change.finished.count)")
            let abandoned = before.log.filter { $0.key.queue == line.id && isAbandoned($0.value) }
            demand(!isAlone || count == abandoned.count, "rescued \(count) of \(abandoned.count)")
        default: break
        }
    }

    private func rescueLost(in line: World.Line) {
        let gone: Set<Int64> = if case .lost(let gone, _)? = answer { gone } else { world.lost }
        demand(gone.isSubset(of: world.lost), "took \(gone.subtracting(world.lost)) for lost, which live")
        demand(!isAlone || gone == world.lost, "did not see that \(world.lost.subtracting(gone)) are lost")
        rescue(in: line, from: gone)
    }

    private func promote(in line: World.Line, limit: Int) {
        only([.appended, .undeferred, .unheld, .blocks])
        let gone = Headcount(change.undeferred) + Headcount(change.unheld.values)
        demand(Headcount(change.appended) == gone, "moved \(gone) as \(Headcount(change.appended))")
        for resting in change.undeferred {
            demand(resting.isMarked && resting.name.queue == line.id, "\(resting.name) was not due here")
        }
        demand(change.undeferred.count <= limit, "moved \(change.undeferred.count) of at most \(limit)")
        judgeReplay(in: line)
        guard case .count(let told)? = answer else { return }
        let sum = moved + change.appended.count
        demand(told == sum, "told \(told), moved \(sum)")
        let left = after.deferred.values.filter { $0.isMarked && $0.name.queue == line.id }.count
        let keys = after.blocked.filter {
            $0.key.queue == line.id && $0.value.retry == .due && $0.value.replaying == 0
        }
        demand(!isAlone || keys.isEmpty && (left == 0 || sum >= limit), "moved \(sum) and left \(left), \(keys)")
    }

    // MARK: Operating

    private func redrive(in line: World.Line) {
        only([.appended, .risen])
        let expected = Headcount(change.risen.map { ($0.name, 1) })
        demand(Headcount(change.appended) == expected, "moved \(change.risen) as \(Headcount(change.appended))")
        judgeReport(in: line)
    }

    private func purge(in line: World.Line) {
        only([.risen])
        judgeReport(in: line)
    }

    private func judgeReport(in line: World.Line) {
        demand(change.risen.allSatisfy { $0.name.queue == line.id }, "touched other queues")
        guard case .report(let report)? = answer else { return }
        let sum = report.moved + report.skipped + report.failed
        demand(
            sum == report.matched && report.moved == change.risen.count, "told \(report), moved \(change.risen.count)")
        let dead = before.dead.values.filter { $0.name.queue == line.id }.count
        demand(!isAlone || report.matched == dead && report.moved == dead, "told \(report) of \(dead)")
    }
}
