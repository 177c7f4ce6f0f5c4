import Dispatch
import Foundation
import Logging
import Synchronization

@testable import MessageQueue
@testable import Postgres

/// One session of a history: a broker over one connection of its own, which stops before each statement until it is told
/// to go on. It is also a consumer, for as long as its connection lives.
final class Client: Sendable {
    enum Position: Equatable {
        case idle
        /// The server works on a statement, or holds it back behind somebody's lock.
        case running
        case before(String)
    }

    struct Incarnation: Sendable {
        let database: Database
        let broker: Broker
        let consumer: Int64
        let process: Int32
    }

    struct RolledBack: Error {}

    private struct State {
        var position = Position.idle
        var isPaced = false
        var mustRollBack = false
        var outcome: Result<Command.Answer, any Error>?
        var waiter: CheckedContinuation<Void, Never>?
        /// How often somebody has begun to wait, and the last of these waits whose time was over.
        var waits = 0
        var overdue = 0
        var incarnation: Incarnation?
    }

    let number: Int
    private let state = Mutex(State())
    private let turn = DispatchSemaphore(value: 0)
    private let commands: AsyncStream<@Sendable () async throws -> Command.Answer>
    private let input: AsyncStream<@Sendable () async throws -> Command.Answer>.Continuation

    init(_ number: Int) {
        self.number = number
        (commands, input) = AsyncStream.makeStream()
    }

    var position: Position { state.withLock { $0.position } }
    var incarnation: Incarnation? { state.withLock { $0.incarnation } }

    // MARK: Connecting

    /// Connects, as a new consumer.
    func connect(to conninfo: String) async throws {
        var options = DatabaseOptions()
        options.connectionLimit = 1
        options.connection.applicationName = "client \(number)"
        options.connection.settings += World.settings + World.settings(of: number)
        // One waits for another for as long as the history wants it.
        options.connection.silenceLimit = .seconds(600)
        options.connection.pace = { [weak self] in try self?.stop(before: $0) }
        let database = Database(conninfo, options: options, logger: World.quiet)
        let process = try await database.query("SELECT pg_catalog.pg_backend_pid()") { try $0[0, as: Int32.self] }[0]
        let broker = World.broker(on: database)
        _ = try await broker.entries(of: [], on: database)
        let ids = try await database.query(Consumer.register, "client \(number)", "here", process, "1", Int32.max, true)
        {
            try $0[0, as: Int64.self]
        }
        try await database.execute(Consumer.lock, ids[0])
        state.withLock {
            $0.incarnation = Incarnation(database: database, broker: broker, consumer: ids[0], process: process)
        }
    }

    func leave() async {
        input.finish()
        await incarnation?.database.close()
    }

    // MARK: Running commands

    /// Runs what it is given, one command after the other, until it leaves.
    func run() async {
        for await command in commands {
            let outcome: Result<Command.Answer, any Error>
            do { outcome = .success(try await command()) } catch { outcome = .failure(error) }
            arrive(.idle) {
                $0.isPaced = false
                $0.outcome = outcome
            }
        }
    }

    /// Starts a command, up to its first statement.
    func begin(_ command: Command, with incarnation: Incarnation) {
        state.withLock {
            $0.position = .running
            $0.isPaced = true
            $0.mustRollBack = false
            $0.outcome = nil
        }
        input.yield { try await command.run(by: incarnation.consumer, with: incarnation.broker) }
    }

    /// Lets the statement go to the server before which the client stands, or makes the transaction fail instead.
    func step(rollingBack: Bool = false) {
        state.withLock {
            $0.position = .running
            $0.mustRollBack = rollingBack
        }
        turn.signal()
    }

    /// Goes on without stopping any more, and makes what it is in the middle of fail.
    func abandon() {
        let isStanding = state.withLock { state in
            state.isPaced = false
            state.mustRollBack = true
            if case .before = state.position { return true }
            return false
        }
        if isStanding { step(rollingBack: true) }
    }

    /// What has become of the last command, once.
    func takeOutcome() -> Result<Command.Answer, any Error>? { state.withLock { $0.outcome.take() } }

    /// Waits until the client stands before a statement, or is idle: whether it did so in time.
    func hasStopped(within limit: Duration) async -> Bool {
        let wait = state.withLock { state in
            state.waits += 1
            return state.waits
        }
        // Cancelled below, or ended by its own doing: it only ends this wait.
        let timer = Task {
            try await Task.sleep(for: limit)
            self.end(wait)
        }
        defer { timer.cancel() }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                // Its time may have passed before it waited.
                if state.position != .running || state.overdue == wait { return true }
                state.waiter = continuation
                return false
            }
            if isOver { continuation.resume() }
        }
        return position != .running
    }

    private func wake() { state.withLock { $0.waiter.take() }?.resume() }

    private func end(_ wait: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waits == wait else { return nil }
            state.overdue = wait
            return state.waiter.take()
        }
        waiter?.resume()
    }

    private func arrive(_ position: Position, _ note: (inout State) -> Void = { _ in }) {
        state.withLock {
            note(&$0)
            $0.position = position
        }
        wake()
    }

    /// Called on the connection's own thread, which waits here. A BEGIN sees and locks nothing, and is passed over.
    private func stop(before sql: String) throws {
        guard state.withLock({ $0.isPaced }), sql != "BEGIN" else { return }
        arrive(.before(sql))
        turn.wait()
        if state.withLock({ $0.mustRollBack }) { throw RolledBack() }
    }
}
