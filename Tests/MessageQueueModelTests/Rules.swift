import Foundation
import Postgres

@testable import MessageQueue

/// The pure model: what each verb may change by one commit, and must, given what stood there before.
final class Scene {
    let deed: Deed
    let consumer: Int64
    let before: Snapshot
    let change: Change
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

    private func demand(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { contradictions.append("\(what()), by \(deed)") }
    }

    private var answer: Deed.Answer? { if case .success(let answer)? = outcome { answer } else { nil } }

    init(
        _ deed: Deed, by consumer: Int64, from before: Snapshot, _ change: Change,
        _ outcome: Result<Deed.Answer, any Error>?, isAlone: Bool, seeing seen: Snapshot, hadToWait: Bool, company: Int,
        in world: World.Facts
    ) {
        self.deed = deed
        self.consumer = consumer
        self.before = before
        self.change = change
        self.outcome = outcome
        self.isAlone = isAlone
        self.seen = seen
        self.paused = hadToWait ? [] : seen.paused
        self.company = company
        self.world = world
        contradictions = change.contradictions.map { "\($0), by \(deed)" }
        judge()
    }

    private func judge() {
        switch deed {
        case .send(let messages, let line): arrive(messages, in: [line])
        case .sendOnce(let messages, let line, let key): arriveOnce(messages, in: line, by: key)
        case .publish(let messages): arrive(messages, in: world.lines)
        case .receive(let line, let limit, let lease, _):
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
        case .retire(let drops): only(drops ? [.dropped] : [])
        case .settle, .statistics: only([])
        }
    }

    private func only(_ parts: Set<Change.Part>) {
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

    private func judgeParked(delayed: Set<UUID>) {
        for attempt in change.appended.values {
            demand(!delayed.contains(attempt.name.id), "\(attempt.name) did not wait for its delay")
        }
        for resting in change.deferred where resting.isMarked != !delayed.contains(resting.name.id) {
            demand(false, "\(resting.name) is deferred to the wrong time")
        }
        for resting in change.deferred where resting.isMarked {
            let lanes = world.lanes(of: resting.name.queue)
            demand(company >= lanes, "\(resting.name) found none of \(lanes) lanes free, beside \(company) others")
        }
    }

    private func arriveOnce(_ messages: [Outgoing<Parcel>], in line: World.Line, by key: String) {
        let isNew = !world.keys.contains("\(line.id) \(key)")
        arrive(isNew ? Array(messages.prefix(1)) : [], in: [line])
        if case .count(let count)? = answer { demand(count == (isNew ? 1 : 0), "told \(count) new") }
    }

    // MARK: Receiving

    private func claim(of line: World.Line, limit: Int, by consumer: Int64, lease: Snapshot.Claim.Lease) {
        only([.claimed])
        for (place, claim) in change.claimed {
            demand(claim.consumer == consumer, "\(place) is claimed by \(claim.consumer), not \(consumer)")
            demand(claim.lease == lease, "the lease of \(place) is \(claim.lease)")
            demand(place.queue == line.id, "\(place) is of another queue")
            demand(before.log[place]?.isWaiting == true, "\(place) was not waiting")
        }
        demand(change.claimed.count <= limit, "\(change.claimed.count) claimed of at most \(limit)")
        demand(change.claimed.isEmpty || !paused.contains(line.id), "claimed from a paused queue")
        let open = before.log.filter { $0.key.queue == line.id && $0.value.isOpen }.count
        let free = line.limit.map { $0 - open } ?? limit
        demand(change.claimed.count <= max(0, free), "claimed \(change.claimed.count) beside \(open) in flight")
        guard case .received(let messages)? = answer, case .receive = deed else { return }
        demand(told(messages) == Headcount(claimedAttempts), "told \(told(messages)), claimed \(claimedAttempts)")
        let isWaiting = before.log.contains { $0.key.queue == line.id && $0.value.isWaiting }
        let mustCome = isAlone && isWaiting && free > 0 && !paused.contains(line.id)
        demand(!mustCome || !messages.isEmpty, "nothing received though messages wait")
    }

    private var claimedAttempts: [Place: Snapshot.Attempt] {
        before.log.filter { change.claimed[$0.key] != nil }
    }

    private func told(_ messages: [ReceivedMessage]) -> Headcount {
        Headcount(messages.map { (Name(queue: $0.place.queue, id: $0.message.id.uuid), $0.attempt) })
    }

    /// One of its transactions: it takes, rescues what has no lease any more, or promotes what is due.
    private func receiveByHand(of line: World.Line, limit: Int) {
        if !change.finished.isEmpty { return rescue(in: line, from: []) }
        if !change.undeferred.isEmpty { return promote(in: line, limit: 1000) }
        claim(of: line, limit: limit, by: 0, lease: .running)
    }

    // MARK: Finishing

    private func finish(_ verdicts: [Deed.Verdict]) {
        let outcomes: [Deed.Verdict.Fate: Outcome] = [
            .done: .done, .retried: .retried, .retriedLater: .retried, .released: .released, .dead: .dead,
        ]
        only([.finished, .deferred, .died])
        let expected = verdicts.map { ($0.message.place, outcomes[$0.fate]?.rawValue ?? "") }
        let isExact = change.finished == Dictionary(expected) { first, _ in first }
        demand(isExact, "finished \(change.finished)")
        for verdict in verdicts where before.log[verdict.message.place]?.isOpen != true {
            demand(false, "\(verdict.message.place) was not open")
        }
        func names(_ fates: [Deed.Verdict.Fate], plus more: Int) -> Headcount {
            Headcount(
                verdicts.filter { fates.contains($0.fate) }.map {
                    (Name(queue: $0.message.place.queue, id: $0.message.message.id.uuid), $0.message.attempt + more)
                })
        }
        let back = names([.retried, .retriedLater], plus: 1) + names([.released], plus: 0)
        demand(Headcount(change.deferred) == back, "put back \(Headcount(change.deferred)), expected \(back)")
        let due = names([.retried], plus: 1) + names([.released], plus: 0)
        demand(Headcount(change.deferred.filter(\.isMarked)) == due, "due at once: \(change.deferred), expected \(due)")
        demand(Headcount(change.died) == names([.dead], plus: 0), "died: \(change.died)")
    }

    private func extend(_ messages: [ReceivedMessage]) {
        only([.leases])
        guard answer != nil else { return }
        for message in messages {
            // Its holder may finish it once it is extended.
            let attempt = seen.log[message.place]
            demand(attempt?.isOpen == true, "\(message.place) was not open")
            let lease = (change.leases[message.place] ?? attempt?.claim)?.lease
            demand(lease != .ended, "the lease of \(message.place) is over all the same")
        }
    }

    // MARK: Rescuing

    private func rescue(in line: World.Line, from gone: Set<Int64>) {
        only([.finished, .deferred, .died])
        func isAbandoned(_ attempt: Snapshot.Attempt) -> Bool {
            guard attempt.isOpen, let claim = attempt.claim else { return false }
            return claim.lease == .ended || claim.lease == .untilGone && gone.contains(claim.consumer)
        }
        var back: [(Name, Int)] = []
        var dead: [(Name, Int)] = []
        for (place, outcome) in change.finished {
            guard let attempt = before.log[place] else { continue }
            demand(outcome == Outcome.expired.rawValue && isAbandoned(attempt), "\(place) was not abandoned")
            let mayLive = attempt.number < line.attempts
            if mayLive {
                back.append((attempt.name, attempt.number + 1))
            } else {
                dead.append((attempt.name, attempt.number))
            }
        }
        demand(
            Headcount(change.deferred) == Headcount(back), "put back \(change.deferred), expected \(Headcount(back))")
        demand(Headcount(change.died) == Headcount(dead), "died: \(change.died), expected \(Headcount(dead))")
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
        only([.appended, .undeferred])
        demand(
            Headcount(change.appended) == Headcount(change.undeferred),
            "moved \(Headcount(change.undeferred)) as \(Headcount(change.appended))")
        for resting in change.undeferred {
            demand(resting.isMarked && resting.name.queue == line.id, "\(resting.name) was not due here")
        }
        guard case .count(let moved)? = answer else { return }
        demand(moved == change.undeferred.count, "told \(moved), moved \(change.undeferred.count)")
        let due = before.deferred.values.filter { $0.isMarked && $0.name.queue == line.id }.count
        demand(!isAlone || moved == min(due, limit), "moved \(moved) of \(due)")
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
