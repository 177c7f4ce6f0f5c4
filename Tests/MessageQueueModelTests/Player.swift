import Dispatch
import Foundation
import Logging
import Synchronization

@testable import MessageQueue
@testable import Postgres

/// One session of a history: a broker over one connection of its own, which stops before each statement until it is told
/// to go on. It is also a consumer, for as long as its connection lives.
final class Player: Sendable {
    enum Stand: Equatable {
        case idle
        /// The server works on a statement, or holds it back behind somebody's lock.
        case running
        case before(String)
    }

    struct Seat: Sendable {
        let database: Database
        let broker: Broker
        let consumer: Int64
        let process: Int32
    }

    struct Regret: Error {}

    private struct State {
        var stand = Stand.idle
        var isPaced = false
        var mustRegret = false
        var outcome: Result<Deed.Answer, any Error>?
        var waiter: CheckedContinuation<Void, Never>?
        var seat: Seat?
    }

    let number: Int
    private let state = Mutex(State())
    private let turn = DispatchSemaphore(value: 0)
    private let deeds: AsyncStream<@Sendable () async throws -> Deed.Answer>
    private let desk: AsyncStream<@Sendable () async throws -> Deed.Answer>.Continuation

    init(_ number: Int) {
        self.number = number
        (deeds, desk) = AsyncStream.makeStream()
    }

    var stand: Stand { state.withLock { $0.stand } }
    var seat: Seat? { state.withLock { $0.seat } }

    // MARK: Sitting down

    /// Connects, as a new consumer.
    func sitDown(at conninfo: String) async throws {
        var options = DatabaseOptions()
        options.connectionLimit = 1
        options.connection.applicationName = "player \(number)"
        options.connection.settings += World.settings + World.seat(number)
        options.connection.pace = { [weak self] in try self?.stop(before: $0) }
        let database = Database(conninfo, options: options, logger: World.quiet)
        let process = try await database.query("SELECT pg_catalog.pg_backend_pid()") { try $0[0, as: Int32.self] }[0]
        let broker = World.broker(on: database)
        _ = try await broker.entries(of: [], on: database)
        let ids = try await database.query(Consumer.register, "player \(number)", "here", process, "1", Int32.max, true)
        {
            try $0[0, as: Int64.self]
        }
        try await database.execute(Consumer.lock, ids[0])
        state.withLock { $0.seat = Seat(database: database, broker: broker, consumer: ids[0], process: process) }
    }

    func leave() async {
        desk.finish()
        await seat?.database.close()
    }

    // MARK: Acting

    /// Performs what it is given, one deed after the other, until it leaves.
    func run() async {
        for await deed in deeds {
            let outcome: Result<Deed.Answer, any Error>
            do { outcome = .success(try await deed()) } catch { outcome = .failure(error) }
            arrive(.idle) {
                $0.isPaced = false
                $0.outcome = outcome
            }
        }
    }

    /// Starts a deed, up to its first statement.
    func begin(_ deed: Deed, with seat: Seat) {
        state.withLock {
            $0.stand = .running
            $0.isPaced = true
            $0.mustRegret = false
            $0.outcome = nil
        }
        desk.yield { try await deed.perform(by: seat.consumer, with: seat.broker) }
    }

    /// Lets the statement go to the server before which the player stands, or makes the transaction fail instead.
    func step(regretting: Bool = false) {
        state.withLock {
            $0.stand = .running
            $0.mustRegret = regretting
        }
        turn.signal()
    }

    /// Goes on without stopping any more, and makes what it is in the middle of fail.
    func abandon() {
        let isStanding = state.withLock { state in
            state.isPaced = false
            state.mustRegret = true
            if case .before = state.stand { return true }
            return false
        }
        if isStanding { step(regretting: true) }
    }

    /// What has become of the last deed, once.
    func takeOutcome() -> Result<Deed.Answer, any Error>? { state.withLock { $0.outcome.take() } }

    /// Waits until the player stands before a statement, or is idle: whether it did so in time.
    func hasSettled(within limit: Duration) async -> Bool {
        // Cancelled below, or ended by its own doing: it only wakes the waiter.
        let timer = Task {
            try await Task.sleep(for: limit)
            self.wake()
        }
        defer { timer.cancel() }
        await withCheckedContinuation { continuation in
            let isSettled = state.withLock { state in
                if state.stand == .running { state.waiter = continuation }
                return state.stand != .running
            }
            if isSettled { continuation.resume() }
        }
        return stand != .running
    }

    private func wake() { state.withLock { $0.waiter.take() }?.resume() }

    private func arrive(_ stand: Stand, _ note: (inout State) -> Void = { _ in }) {
        state.withLock {
            note(&$0)
            $0.stand = stand
        }
        wake()
    }

    /// Called on the connection's own thread, which waits here. A BEGIN sees and locks nothing, and is passed over.
    private func stop(before sql: String) throws {
        guard state.withLock({ $0.isPaced }), sql != "BEGIN" else { return }
        arrive(.before(sql))
        turn.wait()
        if state.withLock({ $0.mustRegret }) { throw Regret() }
    }
}
