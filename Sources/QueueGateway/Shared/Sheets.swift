import MessageQueue
import Synchronization

/// How queues or topics are set up, remembered for a second: each call needs it, and it hardly ever changes. Where it would be told,
/// what was read is good for longer, so that clients who only wait have nothing read.
final class Sheets<Name: Hashable & Sendable, Sheet: Sendable>: Sendable {
    /// Whether nothing has changed since then, as far as anybody is told.
    typealias Quiet = @Sendable (Name, ContinuousClock.Instant) -> Bool

    private let life: Duration
    /// As many as are looked at in a second.
    private let most = 10_000

    private let read: @Sendable (Name) async throws -> Sheet
    private let isQuiet: Quiet
    private let state = Mutex(State())

    private struct State {
        var known: [Name: (sheet: Sheet, readAt: ContinuousClock.Instant)] = [:]
        var readings: [Name: (number: Int, task: Task<Sheet, any Error>)] = [:]
        var count = 0
    }

    init(
        life: Duration = .seconds(1), _ read: @escaping @Sendable (Name) async throws -> Sheet,
        isQuiet: @escaping Quiet = { _, _ in false }
    ) {
        self.life = life
        self.read = read
        self.isQuiet = isQuiet
    }

    /// - Throws: what reading it throws: that there is none of this name.
    func sheet(of name: Name) async throws -> Sheet {
        if let known = state.withLock({ $0.known[name] }), isFresh(name, known.readAt) { return known.sheet }
        return try await reading(name).value
    }

    private func isFresh(_ name: Name, _ readAt: ContinuousClock.Instant) -> Bool {
        let age = readAt.duration(to: .now)
        return age < life || (age < Broker.longestUnread && isQuiet(name, readAt))
    }

    /// Once for all who ask at the same time.
    private func reading(_ name: Name) -> Task<Sheet, any Error> {
        state.withLock { state in
            if let reading = state.readings[name] { return reading.task }
            state.count += 1
            let number = state.count
            // Awaited by whoever asks for it meanwhile; nobody's cancellation may stop it.
            let task = Task { try await readNow(name, number) }
            state.readings[name] = (number, task)
            return task
        }
    }

    private func readNow(_ name: Name, _ number: Int) async throws -> Sheet {
        defer { end(name, number, with: nil) }
        let start = ContinuousClock.now
        let sheet = try await read(name)
        end(name, number, with: (sheet: sheet, readAt: start))
        return sheet
    }

    /// What was read before it was changed is not kept.
    private func end(
        _ name: Name, _ number: Int, with known: (sheet: Sheet, readAt: ContinuousClock.Instant)?
    ) {
        state.withLock { state in
            guard state.readings[name]?.number == number else { return }
            state.readings[name] = nil
            guard let known else { return }
            if state.known.count >= most { state.known = [:] }
            state.known[name] = known
        }
    }

    /// For who has just changed it.
    func forget(_ name: Name) {
        state.withLock { state in
            state.known[name] = nil
            state.readings[name] = nil
        }
    }
}
