import Synchronization

/// How connections are made and what they are called.
public struct ConnectionOptions: Sendable {
    /// Shown in `pg_stat_activity`.
    public var applicationName = "swift-postgres"
    /// The longest that connecting takes, each server of the string and each of its addresses having its share. Where the string
    /// or `PGCONNECT_TIMEOUT` says `connect_timeout`, that holds instead, for each address by itself.
    public var connectTimeout: Duration = .seconds(5)
    /// How long the server may be silent while a call waits. Of one that has no limit of its own the statement is
    /// cancelled then.
    ///
    /// A server that does not react to the cancellation for three seconds is taken for gone, and the connection given up: on
    /// a line that only looks open, nothing else would tell. So a statement that takes longer than this, and sends nothing
    /// meanwhile, needs a limit of its own, such as ``DatabaseAccess/write(within:_:)`` takes. While such a one is
    /// silent, the server is asked over another connection, as often as this passes, whether it is still at work on it.
    /// The connection is given up when it is not, or cannot be asked, twice in turn. Behind a pooler nobody knows the
    /// process, and only the call's limit counts.
    public var silenceLimit: Duration = .seconds(10)
    /// Settings made at the start of each connection, in order; behind a pooler, at the start of each transaction.
    public var settings: [(name: String, value: String)] = Self.defaultSettings
    /// For tests that decide what happens between two statements: called on the connection's own thread before each
    /// statement of a transaction, which then travels alone. It may wait there, or throw, as if the body had. Single
    /// statements become transactions too, so that there is a moment before their commit.
    var pace: (@Sendable (String) throws -> Void)?

    /// With the values that the members begin with.
    public init() {}
}

/// One connection on a thread of its own, for work that must stay on one server session: LISTEN, advisory locks.
///
/// Everything else belongs to a ``Database``, which lends connections of a pool.
public actor Connection: DatabaseAccess {
    /// The connection's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
    private nonisolated let thread: ConnectionThread
    private nonisolated let guests: ConnectionThread.Guests
    private nonisolated let conditions = Conditions()
    private var channel: Channel?
    private let signals: AsyncStream<Signal>.Continuation

    /// What a connection says unasked.
    public enum Signal: Sendable, Equatable {
        /// Somebody rang the channel of this name. A doorbell: it carries nothing and may be lost.
        case notification(String)
        /// The server hung up.
        case closed
    }

    /// Notifications and the end of the connection, for one reader. Finishes after ``Signal/closed``.
    public nonisolated let events: AsyncStream<Signal>

    private final class Conditions: Sendable {
        let isBroken = Atomic<Bool>(false)
        let isLeft = Atomic<Bool>(false)
        let answers = Mutex<Answers>(Answers())
    }

    private struct Answers {
        var last = ContinuousClock.now
        var silentSince: ContinuousClock.Instant?
        var unansweredCommit: Int32?
    }

    private init(thread: ConnectionThread) {
        self.thread = thread
        guests = ConnectionThread.Guests(of: thread)
        (events, signals) = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingNewest(1024))
    }

    isolated deinit {
        channel = nil
        signals.finish()
        thread.stop()
    }

    /// Connects.
    ///
    /// - Parameters:
    ///   - conninfo: anything that libpq takes: a URL or keywords, several hosts, TLS settings.
    ///   - options: what the connection is like.
    /// - Throws: ``PostgresError`` of kind `connectionFailed`, or `invalidConnectionString`.
    public static func open(_ conninfo: String, options: ConnectionOptions = .init()) async throws -> Connection {
        try await open(conninfo, options: options, after: LastHost())
    }

    static func open(
        _ conninfo: String, options: ConnectionOptions, after lastHost: LastHost,
        until callEnd: ContinuousClock.Instant? = nil
    ) async throws -> Connection {
        let connection = Connection(thread: try ConnectionThread(name: options.applicationName))
        try await connection.connect(
            Connecting(
                conninfo: Conninfo(conninfo), options: options, thread: connection.thread, lastHost: lastHost,
                callEnd: callEnd))
        return connection
    }

    /// Connects to one server of a connection string, at one address.
    static func open(_ conninfo: Conninfo, options: ConnectionOptions, at place: HostSpec) async throws -> Connection {
        let connection = Connection(thread: try ConnectionThread(name: options.applicationName))
        try await connection.connect(
            Connecting(
                conninfo: conninfo, options: options, thread: connection.thread, lastHost: LastHost(), callEnd: nil,
                only: place))
        return connection
    }

    private func connect(_ connecting: Connecting) throws {
        let channel = try connecting.channel()
        self.channel = channel
        thread.watch(channel.socket) { [weak self] in self?.assumeIsolated { $0.socketIsReadable() } }
    }

    /// Whether the server hung up, or the connection was given up or left; such a connection does not come back.
    public nonisolated var isBroken: Bool { conditions.isBroken.load(ordering: .acquiring) }

    /// Whether it was left while it worked, because of what its server or somebody else did: others are no better.
    nonisolated var isLeft: Bool { conditions.isLeft.load(ordering: .acquiring) }

    /// When the statement began with which the connection fell silent and was given up; nil for any other connection.
    package nonisolated var silentSince: ContinuousClock.Instant? { conditions.answers.withLock { $0.silentSince } }

    /// The server process of a commit that was given up; nil for any other connection, and behind a pooler, where nobody knows it.
    nonisolated var unansweredCommit: Int32? { conditions.answers.withLock { $0.unansweredCommit } }

    nonisolated func hasAnswered(since moment: ContinuousClock.Instant) -> Bool {
        conditions.answers.withLock { $0.last >= moment }
    }

    /// For example 150018 for 15.18.
    public var serverVersion: Int { channel?.serverVersion ?? 0 }
    /// The server process, or what a pooler says in its place.
    public var backendPID: Int32 { channel?.backendPID ?? 0 }
    /// Whether a pooler lends this connection a server process for each transaction. Such a connection can't listen, hold a
    /// lock for longer than a transaction, or keep a setting; its transactions are as any others.
    public var isPooled: Bool { channel?.isPooled ?? false }

    /// Listens on these channels; rings come as ``events``.
    ///
    /// - Throws: ``PostgresError`` of kind `misuse` where ``isPooled``: the rings would reach somebody else.
    public func listen(to channels: [String]) throws {
        if isPooled { throw PostgresError(.misuse, "a pooled connection can't listen") }
        try run(nil, isBlock: false) { session in
            for channel in channels { try session.script("LISTEN \"\(channel.replacing("\"", with: "\"\""))\"") }
        }
    }

    /// Ends the connection once what it does is done.
    public func close() {
        channel = nil
        markBroken()
    }

    /// Runs `body` on this connection's thread, behind what it does already.
    public nonisolated func perform<T: Sendable>(
        isTransaction: Bool, within limit: Duration?, _ body: @Sendable (borrowing Session) throws -> T
    ) async throws -> T {
        let interrupt = Interrupt(deadline: limit.map { .now + $0 }, thread: thread)
        let (value, actions) = try await withTaskCancellationHandler {
            try await runCollecting(interrupt, isBlock: isTransaction, body)
        } onCancel: {
            interrupt.cancel()
        }
        for action in actions { action() }
        return value
    }

    /// Runs `body` on this connection's thread, between what the actor has to do there.
    package nonisolated func host<T>(_ body: () async throws -> T) async throws -> T {
        try await withTaskExecutorPreference(guests, operation: body)
    }

    private func run<T>(_ interrupt: Interrupt?, isBlock: Bool, _ body: (borrowing Session) throws -> T) throws -> T {
        try runCollecting(interrupt, isBlock: isBlock, body).0
    }

    private func runCollecting<T>(
        _ interrupt: Interrupt?, isBlock: Bool, _ body: (borrowing Session) throws -> T
    ) throws -> (T, [@Sendable () -> Void]) {
        // Broken by a call ahead of this one, which would only wait for the same again.
        guard let channel, !channel.isBroken else {
            throw PostgresError(.connectionLost, "the connection is closed")
        }
        if let reason = interrupt?.reason { throw reason.error() }
        let transaction = Transaction(on: channel, isBlock: isBlock)
        channel.interrupt = interrupt
        defer {
            channel.interrupt = nil
            settle(channel)
        }
        do {
            let value = try body(Session(transaction))
            try transaction.end()
            return (value, transaction.afterCommit)
        } catch {
            channel.interrupt = Interrupt(deadline: .now + Channel.cancelGrace, thread: thread)
            transaction.rollBack()
            throw error
        }
    }

    /// Notifications may have come along with answers; a connection that broke meanwhile is said to be so.
    private func settle(_ channel: Channel) {
        let unanswered = channel.hasUnansweredCommit && !channel.isPooled ? channel.backendPID : nil
        conditions.answers.withLock {
            $0 = Answers(last: channel.lastAnswer, silentSince: channel.silentSince, unansweredCommit: unanswered)
        }
        if channel.isBroken { return markBroken() }
        deliver(channel.pendingNotifications())
        if channel.isToBeLeft { leave() }
    }

    /// Ends a session that works, but is of no use any more: so nobody else gets it, and its locks are free at once.
    private func leave() {
        conditions.isLeft.store(true, ordering: .releasing)
        close()
    }

    private func socketIsReadable() {
        guard let channel else { return thread.stopWatching() }
        do { deliver(try channel.takeNotifications()) } catch { markBroken() }
    }

    private func deliver(_ channels: [String]) {
        for channel in channels { signals.yield(.notification(channel)) }
    }

    private func markBroken() {
        guard !conditions.isBroken.exchange(true, ordering: .acquiringAndReleasing) else { return }
        thread.stopWatching()
        signals.yield(.closed)
        signals.finish()
    }
}
