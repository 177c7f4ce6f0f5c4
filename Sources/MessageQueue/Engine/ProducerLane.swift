import Postgres
import Synchronization

/// A lane that one producer alone writes, and the last place in it.
///
/// The place is known from the lane itself, and from commits: it may lag behind, if others write on the same connection, and
/// is never ahead. A place that is taken is refused by the log's primary key, and one in front of the head by the head
/// segment; none can be left out.
final class ProducerLane: Sendable {
    private struct State {
        var queue: Catalogue.Entry?
        var lane: Int16?
        var last: Int64?
        var isGivenBack = false
        /// A question for a lane failed: a lock outlives the transaction that took it, so the session may have locked one more.
        var mayHaveAnother = false
        /// Sends to go until a lane is asked for again, after none was free.
        var patience = 0

        /// What is known of a queue that is another one by now is of no use, but for the lock that the session has on it.
        mutating func turn(to entry: Catalogue.Entry) {
            if let queue, !queue.isSame(as: entry) { self = State(mayHaveAnother: lane != nil || mayHaveAnother) }
            queue = entry
        }
    }

    let isAskedFor: Bool
    private let state = Mutex(State())

    private static let patience = 100

    /// - Parameter isAskedFor: false where no lane can be had.
    init(isAskedFor: Bool) {
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
    func nextPlace(of entry: Catalogue.Entry, in session: borrowing Session) throws -> (lane: Int16, seq: Int64)? {
        try checkIsInUse()
        let (known, mayAsk) = state.withLock { state in
            state.turn(to: entry)
            defer {
                state.last = nil
                state.patience = max(0, state.patience - 1)
            }
            return (state.last.flatMap { last in state.lane.map { ($0, last + 1) } }, state.patience == 0)
        }
        if let known { return known }
        return isAskedFor && !entry.sortsMessages && mayAsk ? try ask(entry, in: session) : nil
    }

    /// The messages up to this place are committed.
    func advance(to place: Int64) { state.withLock { $0.last = max($0.last ?? place, place) } }

    private func ask(_ entry: Catalogue.Entry, in session: borrowing Session) throws -> (lane: Int16, seq: Int64)? {
        let known = state.withLock { $0.lane }
        let answers: [(lane: Int16?, last: Int64?)]
        do { answers = try session.query(Self.lock, entry.id, known) { (lane: try $0[0], last: try $0[1]) } } catch {
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
            guard let lane = known.lane, let queue = known.queue else { return true }
            return try session.query(Self.unlock, queue.id, lane) { try $0[0, as: Bool.self] } == [true]
        }
        return isFree ?? false
    }

    private static let limit = Duration.seconds(5)

    static let lock: Statement = "SELECT lane, last FROM mq.lock_lane($1, $2)"
    static let unlock: Statement = "SELECT mq.unlock_lane($1, $2)"
}
