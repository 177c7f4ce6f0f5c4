import Synchronization

/// What a receiver of a queue remembers from claim to claim, so that it need not look at all of the log each time.
///
/// Only a short cut: forgetting it costs a longer look, and nothing else.
package final class ClaimMemory: Sendable {
    /// Per lane, a place up to which everything is known to be completed.
    let watermarks = Mutex<[Int64]>([])
    /// Of a queue with a concurrency limit, as of the last claim.
    let open = Mutex(OpenPlaces())
    /// As of the last look at what is open.
    private let seen = Mutex(OpenPlaces())
    /// Whose places these are.
    private let queue = Mutex<Catalogue.Entry?>(nil)
    private let turns = Atomic<Int>(0)
    /// The number of the claim after which was looked.
    private let lookedAt = Atomic<Int>(0)

    /// Forgets everything when the queue is another one than before.
    func turn(to entry: Catalogue.Entry) {
        queue.withLock { queue in
            if let queue, !queue.isSame(as: entry) {
                watermarks.withLock { $0 = [] }
                open.withLock { $0 = OpenPlaces() }
                seen.withLock { $0 = OpenPlaces() }
            }
            queue = entry
        }
    }

    func watermarks(of entry: Catalogue.Entry) -> [Int64] {
        turn(to: entry)
        return watermarks.withLock { $0 }
    }

    func openPlaces(of entry: Catalogue.Entry) -> OpenPlaces {
        turn(to: entry)
        return seen.withLock { $0 }
    }

    /// What was read of another queue of this name is not noted.
    func note(_ open: OpenPlaces, of entry: Catalogue.Entry) {
        queue.withLock { queue in
            guard queue?.isSame(as: entry) == true else { return }
            seen.withLock { $0 = open.bounded }
            watermarks.withLock { $0 = open.watermarks }
            lookedAt.store(turns.load(ordering: .relaxed), ordering: .relaxed)
        }
    }

    /// Whether so much was claimed since the last look that the next one should not wait until there is nothing to claim.
    var isFarBehind: Bool { turns.load(ordering: .relaxed) - lookedAt.load(ordering: .relaxed) >= 200 }

    /// Counts the claims, so that each begins elsewhere.
    func nextTurn() -> Int { turns.add(1, ordering: .relaxed).newValue }
}
