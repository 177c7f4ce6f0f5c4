import Synchronization

/// Makes one transaction of what many callers want committed at the same time.
///
/// A caller that finds the line free commits at once, alone; those who come meanwhile are gathered and committed
/// together as soon as the line is free again. So nobody waits for company, and load makes the groups larger: the more so
/// with a ``Linger``, by which a line waits a little before it takes the next group while the machine is used up.
public final class GroupCommit<Entry: Sendable, Outcome: Sendable>: Sendable {
    private let limit: Int
    private let lines: Int
    private let line: Line
    private let onLinger: (@Sendable () -> Void)?
    private let state: Mutex<State>

    private typealias Commit = @Sendable ([Entry]) async throws -> [Outcome]
    /// Lends a line for some groups in a row.
    private typealias Line = @Sendable (_ groups: @Sendable (Commit) async throws -> Void) async throws -> Void

    private struct Waiting {
        let id: Int
        let entry: Entry
        let continuation: CheckedContinuation<Outcome, any Error>
    }

    private struct State {
        var waiting: [Waiting] = []
        var nextID = 0
        var busyLines = 0
        var linger: Linger?
        /// Since when nobody waits.
        var restingSince: ContinuousClock.Instant?
        var rest = Duration.zero

        mutating func beginWork() {
            guard let since = restingSince.take() else { return }
            rest += since.duration(to: .now)
        }

        /// - Returns: how long to linger.
        mutating func end(_ count: Int, of limit: Int, since start: ContinuousClock.Instant) -> Duration {
            let end = ContinuousClock.now
            defer { rest = .zero }
            let turn = Linger.Turn(
                end: end, time: start.duration(to: end), rest: rest, count: count, isFull: count == limit)
            return linger?.pause(after: turn) ?? .zero
        }
    }

    /// The group that failed has been told.
    private struct GroupFailed: Error {}

    /// Others that wait for a connection get theirs after so many groups.
    private static var groupsInARow: Int { 16 }

    /// Commits by a closure, which finds its connection itself.
    ///
    /// - Parameters:
    ///   - limit: the most entries of one group; less than 1 is taken for 1.
    ///   - lines: how many groups may be under way at once; less than 1 is taken for 1.
    ///   - linger: how a line waits between groups; nil: never.
    ///   - onLinger: told each time that a line begins to linger.
    ///   - commit: commits a group; answers one outcome per entry, in order, or throws for all of them.
    public convenience init(
        limit: Int, lines: Int = 1, linger: Linger? = nil, onLinger: (@Sendable () -> Void)? = nil,
        commit: @escaping @Sendable ([Entry]) async throws -> [Outcome]
    ) {
        self.init(limit: limit, lines: lines, linger: linger, onLinger: onLinger) { groups in try await groups(commit) }
    }

    /// As above, but a line is a connection of `database`, lent while groups come: `commit` runs on its own thread.
    public convenience init(
        limit: Int, lines: Int = 1, on database: Database,
        commit: @escaping @Sendable ([Entry], BorrowedConnection) async throws -> [Outcome]
    ) {
        self.init(limit: limit, lines: lines, linger: nil, onLinger: nil) { groups in
            try await database.withConnection { connection in try await groups { try await commit($0, connection) } }
        }
    }

    private init(limit: Int, lines: Int, linger: Linger?, onLinger: (@Sendable () -> Void)?, line: @escaping Line) {
        self.limit = max(1, limit)
        self.lines = max(1, lines)
        self.line = line
        self.onLinger = onLinger
        self.state = Mutex(State(linger: linger))
    }

    /// Waits until the group with this entry is committed.
    ///
    /// - Throws: what the commit threw for the whole group.
    public func submit(_ entry: Entry) async throws -> Outcome {
        try await withCheckedThrowingContinuation { join(Waiting(id: nextID(), entry: entry, continuation: $0)) }
    }

    /// As ``submit(_:)``, but a task that is cancelled takes its entry back, unless the group with it is under way.
    ///
    /// - Throws: `CancellationError` when the entry was taken back.
    public func submitUnlessCancelled(_ entry: Entry) async throws -> Outcome {
        let id = nextID()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                join(Waiting(id: id, entry: entry, continuation: continuation))
                // Cancelled before it waited: nobody else takes it back.
                if Task.isCancelled { takeBack(id) }
            }
        } onCancel: {
            takeBack(id)
        }
    }

    private func nextID() -> Int {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }

    private func join(_ waiting: Waiting) {
        let mustDrive = state.withLock { state in
            state.waiting.append(waiting)
            guard state.busyLines < lines else { return false }
            state.beginWork()
            state.busyLines += 1
            return true
        }
        // Awaited through the continuations: it ends once nothing waits, and nobody's cancellation may stop it,
        // since it commits for others too.
        if mustDrive { Task { await drive() } }
    }

    private func takeBack(_ id: Int) {
        let waiting = state.withLock { state in
            state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
        }
        waiting?.continuation.resume(throwing: CancellationError())
    }

    private func drive() async {
        while isWaitedFor() {
            do {
                try await line { commit in
                    for _ in 0..<Self.groupsInARow {
                        guard let group = nextGroup() else { return }
                        try await take(group, commit)
                    }
                }
            } catch is GroupFailed {
                // The next group gets a line that works.
            } catch {
                for waiting in nextGroup() ?? [] { waiting.continuation.resume(throwing: error) }
            }
        }
    }

    private func take(_ group: [Waiting], _ commit: Commit) async throws(GroupFailed) {
        let start = ContinuousClock.now
        do {
            let outcomes = try await commit(group.map { $0.entry })
            for (waiting, outcome) in zip(group, outcomes) { waiting.continuation.resume(returning: outcome) }
            for waiting in group.dropFirst(outcomes.count) { waiting.continuation.resume(throwing: Self.missing) }
        } catch {
            for waiting in group { waiting.continuation.resume(throwing: error) }
            throw GroupFailed()
        }
        await pause(after: group.count, since: start)
    }

    private func pause(after count: Int, since start: ContinuousClock.Instant) async {
        let pause = state.withLock { $0.end(count, of: limit, since: start) }
        guard pause > .zero else { return }
        onLinger?()
        // Nobody cancels the task that drives.
        try? await Task.sleep(for: pause)
    }

    private static var missing: PostgresError {
        PostgresError(.misuse, "the group was committed without an outcome for each of its entries")
    }

    /// Otherwise the line is free from now on.
    private func isWaitedFor() -> Bool {
        state.withLock { state in
            if state.waiting.isEmpty {
                state.busyLines -= 1
                if state.busyLines == 0 { state.restingSince = .now }
            }
            return !state.waiting.isEmpty
        }
    }

    private func nextGroup() -> [Waiting]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else { return nil }
            let group = Array(state.waiting.prefix(limit))
            state.waiting.removeFirst(group.count)
            return group
        }
    }
}
