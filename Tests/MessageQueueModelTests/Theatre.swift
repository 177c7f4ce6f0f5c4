import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import MessageQueue

/// A history that contradicted the model.
struct Contradiction: Error, CustomStringConvertible {
    let seed: UInt64
    let contradictions: [String]
    let protocolLines: [String]
    let moves: [Move]
    /// False when the history broke off: a server that failed, a player that never came to rest.
    var isPlayedToItsEnd = true

    var description: String {
        """
        history MODEL_SEED=\(seed): \(contradictions.joined(separator: "; "))
        \(protocolLines.map { "    \($0)" }.joined(separator: "\n"))
        """
    }
}

/// Plays plans.
enum Theatre {
    private static let stages = 4

    /// What is shared among the stages.
    private final class Bill: Sendable {
        private let state = Mutex((next: 0, count: 0))
        var count: Int { state.withLock { $0.count } }
        func add(_ count: Int) { state.withLock { $0.count += count } }
        func next() -> Int {
            state.withLock { state in
                defer { state.next += 1 }
                return state.next
            }
        }
    }

    /// - Returns: how many histories were played.
    static func play(_ plan: Plan) async throws -> Int {
        let bill = Bill()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<stages {
                group.addTask {
                    while let world = plan.world(bill.next()) {
                        let histories = plan.histories(of: world)
                        try await play(histories, world: world, shows: plan.replay != nil)
                        bill.add(histories.count)
                    }
                }
            }
            try await group.waitForAll()
            return bill.count
        }
    }

    /// - Throws: ``Contradiction``, as short as it could be made.
    static func play(_ histories: [History], world: UInt64, shows: Bool = false) async throws {
        do {
            try await perform(histories, world: world, shows: shows)
        } catch let contradiction as Contradiction where contradiction.isPlayedToItsEnd {
            throw await shorten(contradiction, world: world)
        }
    }

    static func perform(
        _ histories: [History], world seed: UInt64, shows: Bool = false,
        breakIt: @Sendable (Database) async throws -> Void = { _ in }
    ) async throws {
        try await World.with(seed: seed, breakIt: breakIt) { world in
            try await world.seating(History.players) { players in
                for history in histories { try await perform(history, in: world, players, shows: shows) }
            }
        }
    }

    private static func perform(_ history: History, in world: World, _ players: [Player], shows: Bool) async throws {
        let stage = Stage(world, players, seed: history.seed)
        do { try await stage.play(history) } catch {
            try await stage.abandon()
            throw Contradiction(
                seed: history.seed, contradictions: ["\(error)"], protocolLines: await stage.protocolLines,
                moves: history.moves, isPlayedToItsEnd: false)
        }
        let (contradictions, lines) = await (stage.contradictions, stage.protocolLines)
        if shows { print(lines.joined(separator: "\n"), await stage.books.check, separator: "\n") }
        guard contradictions.isEmpty else {
            try await stage.abandon()
            throw Contradiction(
                seed: history.seed, contradictions: contradictions, protocolLines: lines, moves: history.moves)
        }
    }

    /// Leaves out moves, first many at a time, for as long as the rest still contradicts the model in a world of its own.
    private static func shorten(_ found: Contradiction, world: UInt64) async -> Contradiction {
        var shortest = found
        var history = History(seed: found.seed)
        var size = history.moves.count / 2
        while size > 0 {
            var start = 0
            while start < history.moves.count {
                var shorter = history
                shorter.moves.removeSubrange(start..<min(start + size, shorter.moves.count))
                do {
                    try await perform([shorter], world: world)
                    start += size
                } catch let contradiction as Contradiction {
                    (history, shortest) = (shorter, contradiction)
                } catch {
                    return shortest
                }
            }
            size /= 2
        }
        return shortest
    }
}

extension Plan {
    func world(_ index: Int) -> UInt64? {
        if index < worlds.count { return worlds[index] }
        guard let end, ContinuousClock.now < end, let first = worlds.first else { return nil }
        return first + UInt64(index)
    }

    func histories(of world: UInt64) -> [History] {
        let first = world * Self.worldSize
        return (first...(replay ?? first + Self.worldSize - 1)).map { History(seed: $0) }
    }
}
