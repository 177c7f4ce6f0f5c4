import Synchronization

/// Makes one transaction of what many callers want committed at the same time.
///
/// A caller that finds the line free commits at once, alone; those who come meanwhile are gathered and committed
/// together as soon as the line is free again. So nobody waits for company, and load makes the groups larger: the more so
/// with a ``Linger``, by which a line waits a little before it takes the next group while the machine is busy.
public final class GroupCommit<Entry: Sendable, Outcome: Sendable>: Sendable {
    private let limit: Int
    private let lines: Int
    private let commit: @Sendable ([Entry]) async throws -> [Outcome]
    private let state: Mutex<State>

    private typealias Waiting = (entry: Entry, continuation: CheckedContinuation<Outcome, any Error>)
    private struct State {
        var waiting: [Waiting] = []
        var busyLines = 0
        var linger: Linger?
    }

    /// - Parameters:
    ///   - limit: the most entries of one group.
    ///   - lines: how many groups may be under way at once.
    ///   - linger: how a line waits between groups; nil: never.
    ///   - commit: commits a group; answers one outcome per entry, in order, or throws for all of them.
    public init(
        limit: Int, lines: Int = 1, linger: Linger? = nil,
        commit: @escaping @Sendable ([Entry]) async throws -> [Outcome]
    ) {
        self.limit = limit
        self.lines = lines
        self.state = Mutex(State(linger: linger))
        self.commit = commit
    }

    /// Waits until the group with this entry is committed.
    ///
    /// - Throws: what the commit threw for the whole group.
    public func submit(_ entry: Entry) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            let mustDrive = state.withLock { state in
                state.waiting.append((entry, continuation))
                guard state.busyLines < lines else { return false }
                state.busyLines += 1
                return true
            }
            // Awaited through the continuations: it ends once nothing waits, and nobody's cancellation may stop it,
            // since it commits for others too.
            if mustDrive { Task { await drive() } }
        }
    }

    private func drive() async {
        while let group = nextGroup() {
            let start = ContinuousClock.now
            do {
                let outcomes = try await commit(group.map(\.entry))
                for (waiting, outcome) in zip(group, outcomes) { waiting.continuation.resume(returning: outcome) }
                for waiting in group.dropFirst(outcomes.count) { waiting.continuation.resume(throwing: Self.missing) }
            } catch {
                for waiting in group { waiting.continuation.resume(throwing: error) }
            }
            await pause(after: .now - start)
        }
    }

    private func pause(after time: Duration) async {
        let pause = state.withLock { $0.linger?.pause(afterTaking: time) ?? .zero }
        // Nobody cancels the task that drives.
        if pause > .zero { try? await Task.sleep(for: pause) }
    }

    private static var missing: PostgresError {
        PostgresError(.misuse, "the group was committed without an outcome for each of its entries")
    }

    private func nextGroup() -> [Waiting]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.busyLines -= 1
                return nil
            }
            let group = Array(state.waiting.prefix(limit))
            state.waiting.removeFirst(group.count)
            return group
        }
    }
}
