import Postgres

@testable import MessageQueue

/// The model of what moves messages past each other: limits, priorities, and the order of a key.
extension Model {
    // MARK: Shares

    /// How many places a queue's limits leave; nil when it has none.
    func allowance(of queue: World.ModelQueue) -> Int? {
        let open = before.log.filter { $0.key.queue == queue.id && $0.value.isOpen }.count
        let free = queue.limits.concurrency.map { max(0, $0 - open) }
        let tokens = queue.limits.burst.map { $0 - (world.paced[queue.id] ?? 0) }
        return [free, tokens].compactMap(\.self).min()
    }

    /// With nothing locked, a claim takes all that it may: from the level whose turn it is, and then by urgency.
    func judgeShares(of queue: World.ModelQueue, _ limit: Int, _ levels: [Int16]) {
        let ready = paused.contains(queue.id) ? [:] : ready(in: queue)
        var left = limit
        for level in levels {
            let expected = min(left, ready.filter { $0.key == level }.reduce(0) { $0 + $1.value })
            let claimed = change.claimed.keys.filter { queue.level(of: $0) == level }.count
            demand(claimed == expected, "claimed \(claimed) of level \(level), expected \(expected)")
            left -= expected
        }
    }

    /// By level, what one claim can take: of each lane, places of one segment, and where order is kept only of lanes with
    /// nothing in flight.
    private func ready(in queue: World.ModelQueue) -> [Int16: Int] {
        let lanes = Dictionary(grouping: before.log.filter { $0.key.queue == queue.id }, by: \.key.lane)
        return lanes.values.reduce(into: [:]) { ready, places in
            if queue.order != nil, places.contains(where: \.value.isOpen) { return }
            let waiting = places.filter(\.value.isWaiting).map(\.key).sorted()
            guard let first = waiting.first else { return }
            ready[queue.level(of: first), default: 0] += waiting.prefix { $0.segment == first.segment }.count
        }
    }

    /// A message stays at its level, and what is delivered anew has lanes of its own.
    func judgeLanes() {
        for (place, attempt) in change.appended {
            guard let queue = world.queue(of: place.queue) else { continue }
            let level = queue.level(of: place)
            demand(level == queue.level(of: attempt.name), "\(attempt.name) is put into level \(level)")
            let isAnew = queue.order != nil && place.lane >= queue.lanes
            demand(isAnew == (attempt.rank != nil), "\(attempt.name) is put into lane \(place.lane)")
        }
    }

    // MARK: Order

    /// No message is delivered before all that were sent earlier under its key are done or dead, but for those that are
    /// delivered with it; and none is done or dead before these are. One that is held back stays where it was.
    func judgeOrder() {
        for queue in world.queues where queue.order != nil {
            for (place, claim) in change.claimed where place.queue == queue.id && after.log[place]?.isOpen == true {
                let together = after.log.filter {
                    $0.key.queue == queue.id && $0.key.lane == place.lane && $0.value.claim == claim && $0.value.isOpen
                }
                let ahead = after.ahead(of: place).subtracting(together.values.map(\.name))
                demand(ahead.isEmpty, "\(place) is delivered before \(ahead)")
            }
            for (place, outcome) in change.finished where place.queue == queue.id && ["d", "f"].contains(outcome) {
                let ahead = after.ahead(of: place)
                demand(ahead.isEmpty, "\(place) is finished before \(ahead)")
            }
        }
        for (spot, resting) in change.held {
            let ranks = before.log.filter { change.finished[$0.key] != nil && $0.value.name == resting.name }
                .map { $0.value.rank ?? $0.key.seq }
            demand(ranks == [spot.rank], "\(resting.name) is held at \(spot.rank), and was at \(ranks)")
        }
    }

    /// What a claim may finish at once: messages of keys that are blocked.
    func holdBackAtOnce(in queue: World.ModelQueue) {
        only([.claimed, .finished, .held, .blocks])
        var held = Headcount()
        for (place, outcome) in change.finished {
            guard let attempt = before.log[place] else { continue }
            held.add(attempt.name, attempt.number)
            let isBlocked = attempt.name.key.map { before.blocked[Key(queue: queue.id, text: $0)] != nil } ?? false
            demand(change.claimed[place] != nil && outcome == Outcome.held.rawValue, "\(place) is \(outcome)")
            demand(isBlocked, "\(attempt.name) is held back, and its key is not blocked")
        }
        demand(Headcount(change.held.values) == held, "held \(change.held.values), expected \(held)")
    }

    /// Of a key that failed the first message alone is tried again, and, once that has gone well, the others follow.
    func judgeReplay(in queue: World.ModelQueue) {
        for (key, gone) in Dictionary(grouping: change.unheld, by: \.key.key) {
            let block = before.blocked[key]
            demand(key.queue == queue.id && block?.retry == .due && block?.replaying == 0, "\(key) was not due")
            demand(block?.isMoving == true || gone.count == 1, "\(gone.count) of \(key) before one has gone well")
            let first = before.queue(of: key).prefix(gone.count).map(\.spot)
            demand(Set(gone.map(\.key)) == Set(first), "not the first of \(key)")
        }
        for attempt in change.appended.values where attempt.rank != nil {
            let isThere = change.unheld.contains { $0.value.name == attempt.name && $0.key.rank == attempt.rank }
            demand(isThere, "\(attempt.name) lost its rank")
        }
    }

    func retryBlocked(_ key: Key) {
        only([.renewed, .blocks])
        guard let head = head(of: key) else { return }
        demand(change.renewed.keys.allSatisfy { $0 == head.spot }, "renewed \(change.renewed)")
        demand(after.held[head.spot]?.attempt == 1 && after.blocked[key]?.retry == .due, "\(key) is not due anew")
    }

    func skipBlocked(_ key: Key) {
        only([.unheld, .died, .blocks])
        guard let head = head(of: key) else { return }
        demand(Array(change.unheld.keys) == [head.spot], "skipped \(change.unheld)")
        demand(Headcount(change.died) == Headcount([head.message]), "died: \(change.died)")
        demand(after.queue(of: key).isEmpty || after.blocked[key]?.retry == .due, "\(key) does not go on")
    }

    /// What an operator acts on; nil when nothing was to be done, and nothing is.
    private func head(of key: Key) -> (spot: Snapshot.Spot, message: Snapshot.Resting)? {
        guard case .count(let told)? = answer else { return nil }
        let head = before.blocked[key]?.replaying == 0 ? before.queue(of: key).first : nil
        demand(told == 0 || head != nil, "acted on nothing")
        demand(told == 1 || change.isEmpty && !(isAlone && head != nil), "did not act on \(String(describing: head))")
        return told == 1 ? head : nil
    }
}

extension Command.Ending.Kind {
    /// The final word on a place, but for a message that dies.
    var outcomeBut: Outcome {
        switch self {
        case .done: .done
        case .retried, .retriedLater: .retried
        case .released: .released
        case .dead, .heldBack: .held
        }
    }

    /// When a key is tried again whose first message ended so, unless it died.
    var retry: Snapshot.Block.Retry? {
        switch self {
        case .done, .heldBack: nil
        case .retried, .released: .due
        case .retriedLater: .later
        case .dead: .never
        }
    }
}

extension Receipt {
    var segment: Int64 { seq >> 40 }
}
