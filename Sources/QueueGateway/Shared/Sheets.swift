import MessageQueue
import Synchronization

/// How queues or topics are set up, remembered for a second: each call needs it, and it hardly ever changes.
final class Sheets<Name: Hashable & Sendable, Sheet: Sendable>: Sendable {
    private let life = Duration.seconds(1)
    /// As many as are looked at in a second.
    private let most = 10_000

    private let read: @Sendable (Name) async throws -> Sheet
    private let state = Mutex<[Name: (sheet: Sheet, readAt: ContinuousClock.Instant)]>([:])

    init(_ read: @escaping @Sendable (Name) async throws -> Sheet) { self.read = read }

    /// - Throws: what reading it throws: that there is none of this name.
    func sheet(of name: Name) async throws -> Sheet {
        let now = ContinuousClock.now
        if let known = state.withLock({ $0[name] }), known.readAt.duration(to: now) < life { return known.sheet }
        let sheet = try await read(name)
        state.withLock { sheets in
            if sheets.count >= most { sheets = [:] }
            sheets[name] = (sheet, now)
        }
        return sheet
    }

    /// For who has just changed it.
    func forget(_ name: Name) { state.withLock { $0[name] = nil } }
}
