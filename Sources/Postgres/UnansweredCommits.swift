import Synchronization

/// Commits that were given up here and go on at the server: mostly, they wait for a standby that is away.
///
/// The server does not notice that their clients are gone (`SyncRepWaitForLSN` in `syncrep.c` looks at no socket), and nobody may
/// cancel them. So each keeps the place that its connection had in the pool until its server process has come to an end with it:
/// or one call after the other would leave a process behind, until the server has none left for anybody.
final class UnansweredCommits: Sendable {
    private struct State {
        /// By number, since servers that are tried in turn may have processes of the same id.
        var processes: [Int: Int32] = [:]
        var count = 0
        var isWatched = false
        var isClosed = false
    }

    private let state = Mutex(State())

    private static let pause = Duration.milliseconds(500)

    var count: Int { state.withLock { $0.processes.count } }

    /// - Parameters:
    ///   - process: the server process that is at work on the commit.
    ///   - open: makes a connection beside the pool, which may have no place left.
    ///   - whenEnded: told once for each that has come to an end.
    func add(
        _ process: Int32, open: @escaping @Sendable () async throws -> Connection,
        whenEnded: @escaping @Sendable () -> Void
    ) {
        guard begin(process) else { return }
        // Awaited by nobody: it ends with the last of these commits, or with the pool.
        Task {
            var observer = CommitObserver(open: open)
            while let processes = toWatch() {
                let living = await observer.living(among: Array(Set(processes.values)))
                for _ in 0..<forget(processes, but: living) { whenEnded() }
                // The server gives no sign.
                try? await Task.sleep(for: Self.pause * Double.random(in: 0.8...1.2))
            }
            await observer.close()
        }
    }

    func close() { state.withLock { $0.isClosed = true } }

    /// - Returns: whether nobody looks after them yet.
    private func begin(_ process: Int32) -> Bool {
        state.withLock { state in
            state.count += 1
            state.processes[state.count] = process
            defer { state.isWatched = true }
            return !state.isWatched
        }
    }

    /// - Returns: nil when there is nothing more to look after.
    private func toWatch() -> [Int: Int32]? {
        state.withLock { state in
            state.isWatched = !state.processes.isEmpty && !state.isClosed
            return state.isWatched ? state.processes : nil
        }
    }

    /// - Returns: how many have come to an end.
    private func forget(_ processes: [Int: Int32], but living: Set<Int32>) -> Int {
        let ended = processes.filter { !living.contains($0.value) }
        state.withLock { state in for number in ended.keys { state.processes[number] = nil } }
        return ended.count
    }
}

/// Asks the server what became of its processes.
private struct CommitObserver: ~Copyable {
    private let open: @Sendable () async throws -> Connection
    private var connection: Connection?

    init(open: @escaping @Sendable () async throws -> Connection) { self.open = open }

    /// Which of them are still at work; all of them as long as nobody can be asked.
    mutating func living(among processes: [Int32]) async -> Set<Int32> {
        do {
            return Set(try await connected().query(Self.atWork, processes) { try $0[0, as: Int32.self] })
        } catch {
            await close()
            return Set(processes)
        }
    }

    mutating func close() async { await connection.take()?.close() }

    private mutating func connected() async throws -> Connection {
        if let connection { return connection }
        let new = try await open()
        connection = new
        return new
    }

    /// One that waits for its client has done its work: what it answered was lost with the line.
    private static let atWork: Statement = """
        SELECT pid FROM pg_stat_activity WHERE pid = ANY ($1) AND state = 'active' AND wait_event_type IS DISTINCT FROM 'Client'
        """
}
