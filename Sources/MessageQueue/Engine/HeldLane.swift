import Postgres
import Synchronization

/// A lane that one producer alone writes, and the last place in it.
///
/// The place is known from the lane itself, and from commits: it may lag behind, if others write on the same connection, and
/// is never ahead. A place that is taken is refused by the log's primary key, and one in front of the head by the head
/// segment; none can be left out.
final class HeldLane: Sendable {
    private struct State {
        var lane: Int16?
        var last: Int64?
        var isGivenBack = false
        /// Sends to go until a lane is asked for again, after none was free.
        var patience = 0
    }

    private let queue: Int32
    private let state = Mutex(State())

    private static let patience = 100

    init(of queue: Int32) { self.queue = queue }

    /// The place that comes next; nil when no lane is to be had.
    ///
    /// From here on the last place is unknown, until ``advance(to:)``.
    /// - Throws: ``PostgresError`` of kind `closed` once the lane was given back.
    func nextPlace(in session: borrowing Session) throws -> (lane: Int16, seq: Int64)? {
        let (known, mayAsk) = try state.withLock { state in
            if state.isGivenBack { throw PostgresError(.closed, "the producer has been given back") }
            defer {
                state.last = nil
                state.patience = max(0, state.patience - 1)
            }
            return (state.last.flatMap { last in state.lane.map { ($0, last + 1) } }, state.patience == 0)
        }
        if let known { return known }
        return mayAsk ? try ask(in: session) : nil
    }

    /// The messages up to this place are committed.
    func advance(to place: Int64) { state.withLock { $0.last = max($0.last ?? place, place) } }

    private func ask(in session: borrowing Session) throws -> (lane: Int16, seq: Int64)? {
        let held = state.withLock { $0.lane }
        let answers = try session.query(Self.hold, queue, held) { row in
            (lane: try row[0, as: Int16?.self], last: try row[1, as: Int64?.self])
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
    /// - Returns: false when the session may still hold it.
    func giveBack(on connection: LentConnection) async -> Bool {
        let lane = state.withLock { state in
            state.isGivenBack = true
            return state.lane
        }
        guard let lane else { return true }
        let answers = try? await connection.query(Self.giveBack, queue, lane, within: Self.limit) {
            try $0[0, as: Bool.self]
        }
        return answers == [true]
    }

    private static let limit = Duration.seconds(5)

    static let hold: Statement = "SELECT lane, last FROM mq.hold_lane($1, $2)"
    static let giveBack: Statement = "SELECT mq.let_lane($1, $2)"
}
