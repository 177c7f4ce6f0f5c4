import Foundation
import Postgres

@testable import MessageQueue

/// What verbs that only read must answer.
extension Snapshot {
    private func log(of queue: Int32) -> [Receipt: Attempt] { log.filter { $0.key.queue == queue } }

    func contradictions(of told: OpenPlaces, in queue: Int32) -> [String] {
        var found: [String] = []
        let open = log(of: queue).filter { $0.value.isOpen }
        if told.count != open.count {
            found.append("told \(told.count) open, there are \(open.count)")
        }
        let watermarks = told.watermarks
        for (place, attempt) in log(of: queue) where attempt.outcome == nil {
            let lane = Int(place.lane)
            let watermark = lane < watermarks.count ? watermarks[lane] : 0
            if place.seq <= watermark { found.append("\(place) is below the watermark, and is not finished") }
        }
        return found
    }

    /// What waits, the urgent first, and within a level what has waited longest; as much as was asked for, or all there is. Of a lane
    /// it is what comes next there: who began to send before others may have got a place behind theirs.
    func contradictions(of told: [WaitingMessage], in queue: World.ModelQueue, _ limit: Int) -> [String] {
        let lanes = Dictionary(grouping: log(of: queue.id).filter { $0.value.isWaiting && !$0.value.isOutdated }) {
            $0.key.lane
        }
        let next = lanes.values.flatMap { $0.sorted { $0.key < $1.key }.prefix(limit) }
        let waiting = next.sorted { one, other in
            let levels = (queue.level(of: one.key), queue.level(of: other.key))
            let times = (one.value.appendedAt, other.value.appendedAt)
            return (levels.0, times.0, one.key) < (levels.1, times.1, other.key)
        }
        let expected = waiting.prefix(limit).map { "\($0.value.name)#\($0.value.number)" }
        let names = told.map { "\(Name(queue: queue.id, id: $0.message.id.uuid))#\($0.attempt)" }
        return names == expected ? [] : ["was shown \(names) of \(queue.name), waiting are \(expected)"]
    }

    func contradictions(of all: [QueueStatistics], in queues: [World.ModelQueue], purged: [Int32: Int]) -> [String] {
        queues.flatMap { queue -> [String] in
            guard let one = all.first(where: { $0.queue == queue.name }) else {
                return ["no statistics of \(queue.name)"]
            }
            let log = log(of: queue.id).values
            let expected = [
                log.filter(\.isWaiting).count, log.filter(\.isOpen).count,
                scheduled.values.filter { $0.name.queue == queue.id && $0.attempt == 1 }.count,
                scheduled.values.filter { $0.name.queue == queue.id && $0.attempt > 1 }.count,
                held.keys.filter { $0.key.queue == queue.id }.count, blocked.keys.filter { $0.queue == queue.id }.count,
                dead.values.filter { $0.name.queue == queue.id }.count,
                purged[queue.id] ?? 0,
            ]
            let told = [
                one.depth, one.inFlight, one.scheduled, one.retrying, one.held, one.blockedKeys, one.dead, one.purged,
            ]
            let isSame = told == expected && one.appended - one.claimed == one.depth
            let what = "[waiting, open, scheduled, retrying, held, blocked, dead, purged]"
            return (isSame ? [] : ["statistics of \(queue.name) \(what): told \(told), are \(expected)"])
                + (one.isPaused == paused.contains(queue.id) ? [] : ["\(queue.name) is told to be paused, or not"])
        }
    }
}
