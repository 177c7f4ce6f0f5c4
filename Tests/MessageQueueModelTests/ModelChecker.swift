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
    let log: [String]
    let moves: [Move]
    /// False when the history broke off: a server that failed, a client that never came to rest.
    var isComplete = true

    var description: String {
        """
        history MODEL_SEED=\(seed): \(contradictions.joined(separator: "; "))
        \(log.map { "    \($0)" }.joined(separator: "\n"))
        """
    }
}

/// Runs plans, and holds each history against the model.
enum ModelChecker {
    private static let parallelism = 4

    /// What is shared among the tasks.
    private final class Worklist: Sendable {
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

    /// - Returns: how many histories were run.
    static func check(_ plan: Plan) async throws -> Int {
        let worklist = Worklist()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<parallelism {
                group.addTask {
                    while let world = plan.world(worklist.next()) {
                        let histories = plan.histories(of: world)
                        try await check(histories, world: world, shows: plan.replay != nil)
                        worklist.add(histories.count)
                    }
                }
            }
            try await group.waitForAll()
            return worklist.count
        }
    }

    /// - Throws: ``Contradiction``, as short as it could be made.
    static func check(_ histories: [History], world: UInt64, shows: Bool = false) async throws {
        do {
            try await run(histories, world: world, shows: shows)
        } catch let contradiction as Contradiction where contradiction.isComplete {
            throw await shrink(contradiction, world: world)
        }
    }

    static func run(
        _ histories: [History], world seed: UInt64, shows: Bool = false,
        breakIt: @Sendable (Database) async throws -> Void = { _ in }
    ) async throws {
        try await World.with(seed: seed, breakIt: breakIt) { world in
            try await world.withClients(History.clients) { clients in
                for history in histories { try await run(history, in: world, clients, shows: shows) }
            }
        }
    }

    private static func run(_ history: History, in world: World, _ clients: [Client], shows: Bool) async throws {
        let scheduler = Scheduler(world, clients, seed: history.seed)
        do { try await scheduler.run(history) } catch {
            try await scheduler.abandon()
            throw Contradiction(
                seed: history.seed, contradictions: ["\(error)"], log: await scheduler.log,
                moves: history.moves, isComplete: false)
        }
        let (contradictions, lines) = await (scheduler.contradictions, scheduler.log)
        if shows { print(lines.joined(separator: "\n"), await scheduler.accounts.check, separator: "\n") }
        guard contradictions.isEmpty else {
            try await scheduler.abandon()
            throw Contradiction(
                seed: history.seed, contradictions: contradictions, log: lines, moves: history.moves)
        }
    }

    /// Leaves out moves, first many at a time, for as long as the rest still contradicts the model in a world of its own.
    private static func shrink(_ found: Contradiction, world: UInt64) async -> Contradiction {
        var shortest = found
        var history = History(seed: found.seed)
        var size = history.moves.count / 2
        while size > 0 {
            var start = 0
            while start < history.moves.count {
                var shorter = history
                shorter.moves.removeSubrange(start..<min(start + size, shorter.moves.count))
                do {
                    try await run([shorter], world: world)
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
