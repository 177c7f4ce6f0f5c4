import Foundation
import Synchronization

/// What a receiver of a queue remembers from claim to claim, so that it need not look at all of the log each time.
///
/// Only a short cut: forgetting it costs a longer look, and nothing else.
package final class ClaimMemory: Sendable {
    /// Per lane, a place up to which everything is known to be completed.
    let watermarks = Mutex<[Int64]>([])
    /// Of a queue with a concurrency limit.
    let open = Mutex(OpenPlaces())
    /// Whose places these are.
    private let queue = Mutex<Catalogue.Entry?>(nil)
    private let turns = Atomic<Int>(0)

    /// Forgets everything when the queue is another one than before.
    func turn(to entry: Catalogue.Entry) {
        queue.withLock { queue in
            if let queue, !queue.isSame(as: entry) {
                watermarks.withLock { $0 = [] }
                open.withLock { $0 = OpenPlaces() }
            }
            queue = entry
        }
    }

    func watermarks(of entry: Catalogue.Entry) -> [Int64] {
        turn(to: entry)
        return watermarks.withLock { $0 }
    }

    func note(_ places: [Int64], of entry: Catalogue.Entry) {
        queue.withLock { queue in
            if queue?.isSame(as: entry) == true { watermarks.withLock { $0 = places } }
        }
    }

    /// Counts the claims, so that each begins elsewhere.
    func nextTurn() -> Int { turns.add(1, ordering: .relaxed).newValue }
}

/// The places in flight of a whole queue, as of the last claim: what a look since then has to be added to.
struct OpenPlaces: Sendable, Equatable {
    private(set) var runs: [PlaceRun] = []
    /// Per lane, the last claimed place that was looked at.
    private(set) var cursors: [Int64] = []

    init() {}

    init(runs: [PlaceRun], cursors: [Int64]) {
        self.runs = runs.joined()
        self.cursors = cursors
    }

    mutating func add(_ claimed: [Receipt]) {
        let claimed = Receipt.runs(of: claimed).map {
            PlaceRun(lane: $0.first.lane, first: $0.first.seq, last: $0.last)
        }
        runs = (runs + claimed).joined()
        for run in claimed where Int(run.lane) < cursors.count {
            cursors[Int(run.lane)] = max(cursors[Int(run.lane)], run.last)
        }
    }
}

/// Places of a lane without a gap.
struct PlaceRun: Sendable, Equatable {
    let lane: Int16
    let first: Int64
    fileprivate(set) var last: Int64

    var count: Int { Int(last - first + 1) }
}

extension [PlaceRun] {
    /// Those that touch are one.
    fileprivate func joined() -> [PlaceRun] {
        sorted { ($0.lane, $0.first) < ($1.lane, $1.first) }.reduce(into: []) { runs, run in
            if let before = runs.last, before.lane == run.lane, before.last + 1 == run.first {
                runs[runs.count - 1].last = run.last
            } else {
                runs.append(run)
            }
        }
    }
}
