import Postgres
import Synchronization

/// A lane that one producer alone writes, and the last place in it.
///
/// The place is known from the lane itself, and from commits: it may lag behind, if others write on the same connection, and
/// is never ahead. A place that is taken is refused by the log's primary key, and one in front of the head by the head
/// segment; none can be left out.
final class ProducerLane: Sendable {
    private struct State {
        var lane: Int16?
        var last: Int64?
        var isGivenBack = false
        /// A question for a lane failed: a lock outlives the transaction that took it, so the session may have locked one more.
        var mayHaveAnother = false
        /// Sends to go until a lane is asked for again, after none was free.
        var patience = 0
    }

    private let queue: Int32
    private let isAskedFor: Bool
    private let state = Mutex(State())

    private static let patience = 100

    /// - Parameter isAskedFor: false where no lane can be had.
    init(of queue: Int32, isAskedFor: Bool) {
        self.queue = queue
        self.isAskedFor = isAskedFor
    }

    /// - Throws: ``PostgresError`` of kind `closed` once the lane was given back.
    func checkIsInUse() throws {
        if state.withLock({ $0.isGivenBack }) { throw PostgresError(.closed, "the producer has been given back") }
    }

    /// The place that comes next; nil when no lane is to be had.
    ///
    /// From here on the last place is unknown, until ``advance(to:)``.
    /// - Throws: as ``checkIsInUse()``.
    func nextPlace(in session: borrowing Session) throws -> (lane: Int16, seq: Int64)? {
        try checkIsInUse()
        let (known, mayAsk) = state.withLock { state in
            defer {
                state.last = nil
                state.patience = max(0, state.patience - 1)
            }
            return (state.last.flatMap { last in state.lane.map { ($0, last + 1) } }, state.patience == 0)
        }
        if let known { return known }
        return isAskedFor && mayAsk ? try ask(in: session) : nil
    }

    /// The messages up to this place are committed.
    func advance(to place: Int64) { state.withLock { $0.last = max($0.last ?? place, place) } }

    private func ask(in session: borrowing Session) throws -> (lane: Int16, seq: Int64)? {
        let known = state.withLock { $0.lane }
        let answers: [(lane: Int16?, last: Int64?)]
        do { answers = try session.query(Self.lock, queue, known) { (lane: try $0[0], last: try $0[1]) } } catch {
            state.withLock { $0.mayHaveAnother = true }
            throw error
        }
        guard let answer = answers.first, let lane = answer.lane, let last = answer.last else {
            state.withLock { $0.patience = Self.patience }
            return nil
        }
        state.withLock { $0.lane = lane }
        return (lane, last + 1)
    }

    /// The lane is for others from now on.
    ///
    /// - Returns: false when the session may still have it locked.
    func giveBack(on connection: BorrowedConnection) async -> Bool {
        let isFree = try? await connection.perform(isTransaction: false, within: Self.limit) { session in
            // On the connection's thread: behind all that was asked before.
            let known = state.withLock { state in
                state.isGivenBack = true
                return state
            }
            if known.mayHaveAnother { return false }
            guard let lane = known.lane else { return true }
            return try session.query(Self.unlock, queue, lane) { try $0[0, as: Bool.self] } == [true]
        }
        return isFree ?? false
    }

    private static let limit = Duration.seconds(5)

    static let lock: Statement = "SELECT lane, last FROM mq.lock_lane($1, $2)"
    static let unlock: Statement = "SELECT mq.unlock_lane($1, $2)"
}
