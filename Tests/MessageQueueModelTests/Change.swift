import Foundation

@testable import MessageQueue

/// What one commit changed: the difference of two snapshots.
struct Change {
    enum Part {
        case appended, claimed, finished, dropped, leases, scheduled, unscheduled, hastened, died, risen
        case held, unheld, renewed, blocks, paused, settings, created, deleted, halved, unhalved, asked
    }

    var appended: [Receipt: Snapshot.Attempt] = [:]
    var claimed: [Receipt: Snapshot.Claim] = [:]
    var finished: [Receipt: String] = [:]
    /// Gone with their segment.
    var dropped: [Receipt: Snapshot.Attempt] = [:]
    var leases: [Receipt: Snapshot.Claim] = [:]
    var scheduled: [Snapshot.Resting] = []
    var unscheduled: [Snapshot.Resting] = []
    /// Scheduled as before, and due at another time, by ticket.
    var hastened: [Int64: Snapshot.Resting] = [:]
    var died: [Snapshot.Resting] = []
    var risen: [Snapshot.Resting] = []
    var held: [Snapshot.Spot: Snapshot.Resting] = [:]
    var unheld: [Snapshot.Spot: Snapshot.Resting] = [:]
    /// Held as before, with another attempt ahead.
    var renewed: [Snapshot.Spot: Snapshot.Resting] = [:]
    var halved: [Int64: Snapshot.Half] = [:]
    var unhalved: [Int64: Snapshot.Half] = [:]
    /// Half messages whose producers were asked, as they are now.
    var asked: [Int64: Snapshot.Half] = [:]
    /// Queues that are set up otherwise than before.
    var reset: Set<Int32> = []
    var created: Set<Int32> = []
    /// What was in them is compared with nothing.
    var deleted: Set<Int32> = []
    var areBlocksChanged = false
    var isPauseChanged = false
    /// What no verb may do, whichever it was.
    private(set) var contradictions: [String] = []

    init(from before: Snapshot, to after: Snapshot) {
        created = Set(after.settings.keys).subtracting(before.settings.keys)
        deleted = Set(before.settings.keys).subtracting(after.settings.keys)
        let before = before.without(deleted)
        for (place, attempt) in after.log {
            if let known = before.log[place] { compare(known, attempt, at: place) } else { appended[place] = attempt }
        }
        dropped = before.log.filter { after.log[$0.key] == nil }
        scheduled = after.scheduled.filter { before.scheduled[$0.key] == nil }.map(\.value)
        unscheduled = before.scheduled.filter { after.scheduled[$0.key] == nil }.map(\.value)
        hastened = after.scheduled.filter { one in before.scheduled[one.key].map { $0 != one.value } ?? false }
        died = after.dead.filter { before.dead[$0.key] == nil }.map(\.value)
        risen = before.dead.filter { after.dead[$0.key] == nil }.map(\.value)
        held = after.held.filter { before.held[$0.key] == nil }
        unheld = before.held.filter { after.held[$0.key] == nil }
        renewed = after.held.filter { before.held[$0.key].map { [resting = $0.value] in $0 != resting } ?? false }
        halved = after.halves.filter { before.halves[$0.key] == nil }
        unhalved = before.halves.filter { after.halves[$0.key] == nil }
        asked = after.halves.filter { before.halves[$0.key].map { [half = $0.value] in $0 != half } ?? false }
        reset = Set(after.settings.filter { one in before.settings[one.key].map { $0 != one.value } ?? false }.keys)
        areBlocksChanged = before.blocked != after.blocked
        isPauseChanged = before.paused != after.paused
        for (place, attempt) in appended where !attempt.isWaiting {
            contradictions.append("\(place) is claimed or finished as it is appended")
        }
        for (place, attempt) in dropped where attempt.outcome == nil {
            contradictions.append("\(place) is dropped with its segment, though \(attempt.name) is not finished")
        }
        judgeLanes(before)
        judgeBlocks(after)
        let heard = Set(after.whereabouts.keys.map(\.id))
        for half in after.halves.values where heard.contains(half.id) {
            contradictions.append("\(half.id) is heard, and not committed")
        }
        for (name, places) in after.whereabouts {
            if places.count > 1 { contradictions.append("\(name) is in \(places.sorted())") }
            if after.settings[name.queue] == nil { contradictions.append("\(name) is of a queue that is gone") }
        }
    }

    private mutating func compare(_ old: Snapshot.Attempt, _ new: Snapshot.Attempt, at place: Receipt) {
        if old.name != new.name || old.number != new.number {
            contradictions.append("\(place) holds another message than before")
        }
        if let claim = new.claim, old.claim != claim {
            if old.claim == nil {
                claimed[place] = claim
            } else if old.outcome != nil || new.outcome == nil {
                leases[place] = claim
            }
            if let known = old.claim, known.consumer != claim.consumer {
                contradictions.append("\(place) is claimed by \(claim.consumer), and was by \(known.consumer)")
            }
        }
        if old.claim != nil, new.claim == nil { contradictions.append("\(place) lost its claim") }
        if let outcome = new.outcome, old.outcome == nil { finished[place] = outcome }
        if let outcome = old.outcome, new.outcome != outcome {
            contradictions.append("the outcome of \(place) was \(outcome) and is \(new.outcome ?? "none")")
        }
    }

    /// Within a lane places are dense, appended in the order of commits, and claimed in that order.
    private mutating func judgeLanes(_ before: Snapshot) {
        for (lane, places) in Dictionary(grouping: appended.keys, by: Lane.init) {
            let ordinals = places.map(\.ordinal).sorted()
            let last = before.log.keys.filter { Lane($0) == lane }.map(\.ordinal).max()
            let first = last.map { $0 + 1 } ?? ordinals[0]
            if ordinals != (0..<Int64(ordinals.count)).map({ first + $0 }) {
                contradictions.append("appended \(ordinals) to \(lane) after \(last ?? 0)")
            }
        }
        for (lane, places) in Dictionary(grouping: claimed.keys, by: Lane.init) {
            let waiting = before.log.filter { Lane($0.key) == lane && $0.value.isWaiting }.keys.sorted()
            if places.sorted() != Array(waiting.prefix(places.count)) {
                contradictions.append("claimed \(places.sorted()) of \(waiting)")
            }
        }
    }

    /// A key is blocked, visibly, for as long as something of it is held or under way again, and no longer.
    private mutating func judgeBlocks(_ after: Snapshot) {
        for (spot, resting) in after.held where after.blocked[spot.key] == nil || resting.name.key != spot.key.text {
            contradictions.append("\(resting.name) is held, and its key \(spot.key) is not blocked")
        }
        for (key, block) in after.blocked {
            let replaying = after.log.filter { place, attempt in
                attempt.rank != nil && attempt.outcome == nil
                    && place.queue == key.queue && attempt.name.key == key.text
            }
            if block.replaying != replaying.count {
                contradictions.append("\(key) counts \(block.replaying) under way, there are \(replaying.count)")
            }
            if replaying.isEmpty, after.queue(of: key).isEmpty {
                contradictions.append("\(key) is blocked by nothing")
            }
        }
    }

    private struct Lane: Hashable {
        let queue: Int32
        let lane: Int16

        init(_ place: Receipt) {
            queue = place.queue
            lane = place.lane
        }
    }

    var parts: Set<Part> {
        var parts: Set<Part> = []
        func note(_ isEmpty: Bool, _ part: Part) { if !isEmpty { parts.insert(part) } }
        note(appended.isEmpty, .appended)
        note(claimed.isEmpty, .claimed)
        note(finished.isEmpty, .finished)
        note(dropped.isEmpty, .dropped)
        note(leases.isEmpty, .leases)
        note(scheduled.isEmpty, .scheduled)
        note(unscheduled.isEmpty, .unscheduled)
        note(hastened.isEmpty, .hastened)
        note(died.isEmpty, .died)
        note(risen.isEmpty, .risen)
        note(held.isEmpty, .held)
        note(unheld.isEmpty, .unheld)
        note(renewed.isEmpty, .renewed)
        note(halved.isEmpty, .halved)
        note(unhalved.isEmpty, .unhalved)
        note(asked.isEmpty, .asked)
        note(reset.isEmpty, .settings)
        note(created.isEmpty, .created)
        note(deleted.isEmpty, .deleted)
        note(!areBlocksChanged, .blocks)
        note(!isPauseChanged, .paused)
        return parts
    }

    var isEmpty: Bool { parts.isEmpty }

    /// Of what processes remember of queues.
    var isAboutQueues: Bool { !parts.isDisjoint(with: [.settings, .created, .deleted]) }

    var arrived: [Name] { appended.values.map(\.name) + scheduled.map(\.name) }

    /// Claimed, and not held back at once.
    var delivered: [Receipt] { claimed.keys.filter { finished[$0] == nil } }
}

/// What a queue got or lost, whichever way: comparable however it is ordered.
struct Headcount: Equatable, CustomStringConvertible {
    private var counts: [String: Int] = [:]

    init() {}

    init(_ entries: some Sequence<(Name, Int)>) {
        for (name, attempt) in entries { add(name, attempt) }
    }

    init(_ attempts: [Receipt: Snapshot.Attempt]) { self.init(attempts.values.map { ($0.name, $0.number) }) }

    init(_ resting: some Sequence<Snapshot.Resting>) { self.init(resting.map { ($0.name, $0.attempt) }) }

    mutating func add(_ name: Name, _ attempt: Int) { counts["\(name)#\(attempt)", default: 0] += 1 }

    static func + (one: Headcount, other: Headcount) -> Headcount {
        var sum = one
        sum.counts.merge(other.counts, uniquingKeysWith: +)
        return sum
    }

    var description: String { "\(counts.map { "\($0.key)*\($0.value)" }.sorted())" }
}

extension Receipt {
    /// The dense part, the same count over all segments.
    var ordinal: Int64 { seq & ((1 << 40) - 1) }
}
