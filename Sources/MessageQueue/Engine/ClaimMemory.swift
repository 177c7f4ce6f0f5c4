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
    var places: [Receipt] = []
    /// Per lane, the last claimed place that was looked at.
    var cursors: [Int64] = []

    mutating func add(_ claimed: [Receipt]) {
        places += claimed
        for place in claimed where Int(place.lane) < cursors.count {
            cursors[Int(place.lane)] = max(cursors[Int(place.lane)], place.seq)
        }
    }
}
