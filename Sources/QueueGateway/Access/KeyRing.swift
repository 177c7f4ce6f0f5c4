import MessageQueue
import Synchronization

/// The access keys, as this process knows them: read anew every two seconds while calls come, so that a key that was revoked
/// is worth nothing soon after, and one that was just made is worth something at once.
///
/// Where changes of keys ring, they are read when they have, and every ten seconds, since a ring may be lost: clients who only wait
/// have nothing read.
///
/// Strangers cost the database no more than friends: a key that nobody knows is looked for five times a second at the most.
final class KeyRing: Sendable {
    private static let fresh = Duration.milliseconds(200)
    /// So long keys are good while the database is away.
    private static let longest = Duration.seconds(60)

    private let life: Duration
    private let read: @Sendable () async throws -> [StoredAccessKey]
    /// Whether no key has changed since then, as far as anybody is told.
    private let isQuiet: @Sendable (ContinuousClock.Instant) -> Bool
    private let secret: GatewaySecret
    private let state = Mutex(State())

    private struct State {
        var keys: [String: (stored: StoredAccessKey, open: OpenKey?)] = [:]
        /// When the reading began.
        var readAt: ContinuousClock.Instant?
        var reading: Task<Void, any Error>?
        var used: Set<String> = []

        var age: Duration { readAt.map { $0.duration(to: .now) } ?? .seconds(Int64(Int32.max)) }
    }

    init(
        secret: GatewaySecret, life: Duration = .seconds(2),
        read: @escaping @Sendable () async throws -> [StoredAccessKey],
        isQuiet: @escaping @Sendable (ContinuousClock.Instant) -> Bool = { _ in false }
    ) {
        self.secret = secret
        self.life = life
        self.read = read
        self.isQuiet = isQuiet
    }

    /// The key of this id; nil for one that nobody has, that is revoked, or that was sealed with another secret.
    func key(_ id: String) async throws -> OpenKey? {
        let asked = ContinuousClock.now
        let (known, readAt, age) = state.withLock { ($0.keys[id]?.open, $0.readAt, $0.age) }
        if let known, isFresh(readAt, age) { return known }
        do { try await readAgain(after: known == nil ? asked : nil) } catch {
            guard let known, age < Self.longest else { throw error }
            return known
        }
        return state.withLock { $0.keys[id]?.open }
    }

    private func isFresh(_ readAt: ContinuousClock.Instant?, _ age: Duration) -> Bool {
        age < life || (age < Broker.longestUnread && readAt.map(isQuiet) ?? false)
    }

    /// Takes note that somebody has proved to have this key.
    func use(_ id: String) { state.withLock { _ = $0.used.insert(id) } }

    /// Those that were used since the last time.
    func takeUsed() -> Set<String> {
        state.withLock { state in
            defer { state.used = [] }
            return state.used
        }
    }

    /// Once for all who ask at the same time.
    ///
    /// - Parameter start: a reading that began before it will not do, since a key that nobody knows may have been made meanwhile; nil
    ///   when any does.
    private func readAgain(after start: ContinuousClock.Instant?) async throws {
        guard let start else { return try await reading().value }
        while true {
            let (readAt, age) = state.withLock { ($0.readAt, $0.age) }
            if let readAt, readAt >= start { return }
            if age < Self.fresh { try await Task.sleep(for: Self.fresh - age) } else { try await reading().value }
        }
    }

    private func reading() -> Task<Void, any Error> {
        state.withLock { state in
            if let reading = state.reading { return reading }
            // Awaited by whoever asks for a key meanwhile; nobody's cancellation may stop it.
            let task = Task { try await readNow() }
            state.reading = task
            return task
        }
    }

    private func readNow() async throws {
        defer { state.withLock { $0.reading = nil } }
        let start = ContinuousClock.now
        let stored = try await read()
        state.withLock { state in
            let old = state.keys
            state.keys = [:]
            for key in stored {
                // What has not changed keeps its bucket.
                state.keys[key.id] = old[key.id].flatMap { $0.stored == key ? $0 : nil } ?? (key, open(key))
            }
            state.readAt = start
        }
    }

    private func open(_ key: StoredAccessKey) -> OpenKey? {
        guard !key.isRevoked, let plain = try? secret.open(key.sealedSecret, of: key.id) else { return nil }
        return OpenKey(
            account: Account(id: key.id, permissions: key.permissions), secret: plain,
            pace: key.ratePerSecond.map { KeyPace(rate: $0) })
    }
}
