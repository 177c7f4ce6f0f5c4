import Postgres

@testable import MessageQueue

/// What verbs that only read must answer.
extension Snapshot {
    private func log(of queue: Int32) -> [Receipt: Attempt] { log.filter { $0.key.queue == queue } }

    func contradictions(of settlement: Broker.Settlement, in queue: Int32) -> [String] {
        var found: [String] = []
        let open = log(of: queue).filter { $0.value.isOpen }
        if settlement.open != open.count {
            found.append("settle told \(settlement.open) open, there are \(open.count)")
        }
        for (place, attempt) in log(of: queue) where attempt.outcome == nil {
            let lane = Int(place.lane)
            let settled = lane < settlement.settled.count ? settlement.settled[lane] : 0
            if place.seq <= settled { found.append("\(place) is told to be settled, and is not finished") }
        }
        return found
    }

    func contradictions(of all: [QueueStatistics], in lines: [World.Line], purged: [Int32: Int]) -> [String] {
        lines.flatMap { line -> [String] in
            guard let one = all.first(where: { $0.queue == line.name }) else {
                return ["no statistics of \(line.name)"]
            }
            let log = log(of: line.id).values
            let expected = [
                log.filter(\.isWaiting).count, log.filter(\.isOpen).count,
                deferred.values.filter { $0.name.queue == line.id && $0.attempt == 1 }.count,
                deferred.values.filter { $0.name.queue == line.id && $0.attempt > 1 }.count,
                held.keys.filter { $0.key.queue == line.id }.count, blocked.keys.filter { $0.queue == line.id }.count,
                dead.values.filter { $0.name.queue == line.id }.count,
                purged[line.id] ?? 0,
            ]
            let told = [
                one.depth, one.inFlight, one.scheduled, one.retrying, one.held, one.blockedKeys, one.dead, one.purged,
            ]
            let isSame = told == expected && one.appended - one.claimed == one.depth
            let what = "[waiting, open, scheduled, retrying, held, blocked, dead, purged]"
            return (isSame ? [] : ["statistics of \(line.name) \(what): told \(told), are \(expected)"])
                + (one.isPaused == paused.contains(line.id) ? [] : ["\(line.name) is told to be paused, or not"])
        }
    }
}
