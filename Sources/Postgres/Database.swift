import Durations
public import Logging
import Synchronization

/// A pool of connections to one database.
///
/// Connections are opened when first needed and replaced when they break; a server that is away fails the calls made
/// meanwhile, and those made once it is back succeed. Nothing has to be restarted.
public final class Database: DatabaseAccess {
    /// The connection string as it was given, with what secrets it holds: for showing there is ``description``.
    public let conninfo: String
    /// What it was made with.
    public let options: DatabaseOptions
    let logger: Logger
    private let state: Mutex<PoolState<Connection, Waiter>>
    private let nextWaiterID = Atomic<Int>(0)
    private let lastHost = LastHost()
    private let lastDirectHost = LastHost()
    private let unanswered = UnansweredCommits()

    private typealias Waiter = CheckedContinuation<Grant, any Error>
    private enum Grant { case connection(Connection), mayOpen }

    /// Names a database; connects only when something is asked of it.
    ///
    /// - Parameters:
    ///   - conninfo: anything that libpq takes, see ``Conninfo``. Nobody looks at it before the first call, or
    ///     ``checkConnectionStrings()``.
    ///   - options: how large the pool is, and what its connections are like.
    ///   - logger: what libraries over this one log to.
    public init(_ conninfo: String, options: DatabaseOptions = .init(), logger: Logger = Logger(label: "postgres")) {
        self.conninfo = conninfo
        self.options = options
        self.logger = logger
        self.state = Mutex(PoolState(limit: options.connectionLimit, waiterLimit: options.waiterLimit))
    }

    deinit { unanswered.close() }

    /// How many connections and callers there are at one moment.
    public struct Statistics: Sendable {
        /// Connections that exist or are being opened, and places of commits that were given up and go on at the server.
        public var open: Int
        /// Those of them that nobody uses.
        public var idle: Int
        /// Callers that wait for a connection.
        public var waiting: Int
        /// The most connections, see ``DatabaseOptions/connectionLimit``.
        public var limit: Int
    }

    /// As it stands now.
    public var statistics: Statistics {
        state.withLock { Statistics(open: $0.count, idle: $0.idleCount, waiting: $0.waiterCount, limit: $0.limit) }
    }

    /// Waits for a connection and runs `body` on its thread; the connection comes back to the pool, or is replaced when it broke.
    public func perform<T: Sendable>(
        isTransaction: Bool, within limit: Duration?, _ body: @Sendable (borrowing Session) throws -> T
    ) async throws -> T {
        let deadline = limit.map { ContinuousClock.now + $0 }
        let connection = try await lease(until: .now + min(limit ?? options.waitLimit, options.waitLimit).bounded)
        do {
            let left = deadline.map { ContinuousClock.now.duration(to: $0) }
            let value = try await connection.perform(isTransaction: isTransaction, within: left, body)
            giveBack(connection)
            return value
        } catch {
            giveBack(connection)
            throw error
        }
    }

    /// Lends one connection for all that `body` does, and runs `body` on that connection's own thread.
    ///
    /// For work that makes many small calls one after the other. Each call is what it would be otherwise, a transaction of
    /// its own; but it changes no threads, which is most of what a small statement costs its caller. Child tasks of `body` run
    /// there too, one at a time. What blocks the thread in there blocks this connection and no other.
    public func withConnection<T: Sendable>(_ body: @Sendable (BorrowedConnection) async throws -> T) async throws -> T
    {
        let connection = try await lease(until: .now + options.waitLimit.bounded)
        defer { giveBack(connection) }
        return try await connection.host { try await body(BorrowedConnection(connection)) }
    }

    /// Opens a connection outside of this pool, with its settings; at ``DatabaseOptions/directConninfo``, where given.
    public func dedicatedConnection(named name: String) async throws -> Connection {
        var options = options.connection
        options.applicationName = name
        guard let direct = self.options.directConninfo else {
            return try await Connection.open(conninfo, options: options, after: lastHost)
        }
        return try await Connection.open(direct, options: options, after: lastDirectHost)
    }

    /// Checks its connection strings, without connecting: one that libpq refuses won't become a good one.
    ///
    /// - Throws: ``PostgresError`` of kind `invalidConnectionString`.
    public func checkConnectionStrings() throws(PostgresError) {
        for text in [conninfo, options.directConninfo].compactMap(\.self) { _ = try Conninfo(text) }
    }

    /// Ends idle connections, fails whoever waits, and ends the others as they come back.
    public func close() async {
        let (idle, waiters) = state.withLock { $0.close() }
        unanswered.close()
        for waiter in waiters { waiter.resume(throwing: Self.closed) }
        for connection in idle { await connection.close() }
    }

    // MARK: Leasing

    private func lease(until deadline: ContinuousClock.Instant) async throws -> Connection {
        let decision = state.withLock { state in
            state.removeIdle(where: \.isBroken)
            return state.lease()
        }
        switch decision {
        case .use(let connection): return connection
        case .open: return try await open(until: deadline)
        case .refuse(.closed): throw Self.closed
        case .refuse(.noPlaces):
            throw PostgresError(.misuse, "connectionLimit is \(options.connectionLimit); it must be 1 or more")
        case .refuse(.tooManyWaiting):
            throw PostgresError(.poolExhausted, "\(options.waiterLimit) callers wait for a connection already")
        case .wait:
            return switch try await wait(until: deadline) {
            case .connection(let connection): connection
            case .mayOpen: try await open(until: deadline)
            }
        }
    }

    private func wait(until deadline: ContinuousClock.Instant) async throws -> Grant {
        let id = nextWaiterID.add(1, ordering: .relaxed).newValue
        // Awaited by nobody: it ends on its own, at the latest when the limit has passed, and touches only this waiter.
        let timer = Task { [weak self] in
            try await Task.sleep(until: deadline)
            self?.giveUp(id)
        }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                let handover = state.withLock { Task.isCancelled ? .drop(nil) : $0.enqueue(waiter, id: id) }
                switch handover {
                case nil: break
                case .give(let connection, _): waiter.resume(returning: .connection(connection))
                case .open: waiter.resume(returning: .mayOpen)
                case .keep, .drop: waiter.resume(throwing: Task.isCancelled ? CancellationError() : Self.closed)
                }
            }
        } onCancel: {
            abandon(id, with: CancellationError())
        }
    }

    private func giveUp(_ id: Int) {
        let unanswered = unanswered.count
        let reason = unanswered == 0 ? "" : ": \(unanswered) are taken by commits that the server has not answered yet"
        abandon(id, with: PostgresError(.poolExhausted, "no connection became free in time" + reason))
    }

    private func abandon(_ id: Int, with error: any Error) {
        state.withLock { $0.abandon(id: id) }?.resume(throwing: error)
    }

    private func open(until deadline: ContinuousClock.Instant) async throws -> Connection {
        do {
            return try await Connection.open(
                conninfo, options: options.connection, after: lastHost, until: deadline)
        } catch {
            hand(state.withLock { $0.lose() })
            throw error
        }
    }

    private func giveBack(_ connection: Connection) {
        hand(
            state.withLock { state in
                guard connection.isBroken else { return state.release(connection) }
                // A server that became read-only is so for all; who asks next, asks a new session.
                if connection.isLeft { state.removeIdle { _ in true } }
                // What silenced one connection has silenced others, too: only those that have answered since are known to work.
                if let moment = connection.silentSince { state.removeIdle { !$0.hasAnswered(since: moment) } }
                return connection.unansweredCommit == nil ? state.lose() : .keep
            })
        if let process = connection.unansweredCommit { keepPlace(until: process) }
    }

    /// Once its server process is at work no more, the place is free for another connection.
    private func keepPlace(until process: Int32) {
        unanswered.add(process) { [conninfo, connection = options.connection, lastHost] in
            try await Connection.open(conninfo, options: connection, after: lastHost)
        } whenEnded: { [weak self] in
            guard let self else { return }
            hand(state.withLock { $0.lose() })
        }
    }

    /// Leaves the idle connections that have not answered since: one beside the pool fell silent then, and so may they have.
    package func leaveIdle(unansweredSince moment: ContinuousClock.Instant) {
        state.withLock { $0.removeIdle { !$0.hasAnswered(since: moment) } }
    }

    private func hand(_ handover: PoolState<Connection, Waiter>.Handover) {
        switch handover {
        case .give(let connection, let waiter): waiter.resume(returning: .connection(connection))
        case .open(let waiter): waiter.resume(returning: .mayOpen)
        case .keep, .drop: break
        }
    }

    private static var closed: PostgresError { PostgresError(.closed, "the database has been closed") }
}

extension Database: CustomStringConvertible, CustomReflectable {
    /// Where it is, without secrets.
    public var description: String { "Database(\(Conninfo.masked(conninfo)))" }

    /// What a dump may show.
    public var customMirror: Mirror {
        Mirror(self, children: ["conninfo": Conninfo.masked(conninfo), "options": options])
    }
}
