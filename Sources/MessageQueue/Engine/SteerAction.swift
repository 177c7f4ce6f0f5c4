import Foundation
import Postgres

/// A dead letter that was sent back, and what has become of it since.
public struct RedrivenMessage: Sendable, Codable {
    /// The ticket of the letter that it was.
    public let ticket: Int64
    /// Its last attempt; nil when that is older than the retention.
    public let attempt: TraceEntry?
    /// The message.
    public let message: MessageID
    /// Its queue.
    public let queue: QueueName
}

extension Broker {
    /// Pauses a redrive or purge of dead letters that is under way in any process: at its next step it waits.
    ///
    /// - Parameter number: of the action, see ``operatorActions(before:queue:limit:)``.
    /// - Returns: false when it has ended.
    @discardableResult
    public func pause(action number: Int64) async throws -> Bool { try await steer(number, "pause", .pauseAction) }

    /// Lets a paused action go on. Returns false when it has ended.
    @discardableResult
    public func resume(action number: Int64) async throws -> Bool { try await steer(number, nil, .resumeAction) }

    /// Ends an action before all of it is done: what it has moved stays moved, the rest are dead letters still. Returns false when it
    /// has ended.
    @discardableResult
    public func stop(action number: Int64) async throws -> Bool { try await steer(number, "stop", .stopAction) }

    /// Changes how many messages a second a redrive that is under way may send back.
    ///
    /// - Parameters:
    ///   - number: of the action, see ``operatorActions(before:queue:limit:)``.
    ///   - rate: from one a day to a billion; nil as fast as it goes.
    /// - Returns: false when it has ended, or is no redrive.
    /// - Throws: ``QueueError/invalidArgument(_:)`` for a rate outside of that.
    @discardableResult
    public func limit(action number: Int64, to rate: Double?) async throws -> Bool {
        if let rate { try QueueLimits.check(rate: rate, or: QueueError.invalidArgument) }
        let deed = Deed(.limitAction, nil, ["action": "\(number)", "rate": rate.map { "\($0)" } ?? "none"])
        return try await database.write { session in
            guard try session.execute(Self.limitAction, number, rate) == 1 else { return false }
            try self.record(deed, in: session)
            return true
        }
    }

    private func steer(_ number: Int64, _ wish: String?, _ verb: OperatorAction.Verb) async throws -> Bool {
        let deed = Deed(verb, nil, ["action": "\(number)"])
        return try await database.write { session in
            guard try session.execute(Self.steer, number, wish) == 1 else { return false }
            try self.record(deed, in: session)
            return true
        }
    }

    /// What became of what a redrive sent back, in the order of the letters' deaths. Each is found by the index on ids.
    ///
    /// - Parameters:
    ///   - number: of the action. Kept for a month.
    ///   - ticket: those after this one: the last of the page before.
    ///   - limit: the most that are told.
    public func redriven(
        by number: Int64, after ticket: Int64 = 0, limit: Int = 100
    ) async throws -> [RedrivenMessage] {
        try await database.read(Self.redriven, number, ticket, Int64(limit)) { row in
            let isThere = try row[4, as: UUID?.self] != nil
            return RedrivenMessage(
                ticket: try row[0], attempt: isThere ? try TraceEntry(row, from: 3) : nil,
                message: MessageID(try row[1]),
                queue: QueueName(try row[2]))
        }
    }

    /// What operators want of an action that is under way.
    enum Wish: Sendable {
        /// Nil: as fast as it goes.
        case goOn(rate: Double?)
        /// It is ended by that.
        case stop
    }

    /// Waits while the action is paused.
    func wish(for action: Int64) async throws -> Wish {
        while true {
            let wishes = try await database.query(Self.beat, action) { row in
                (what: try row[0, as: String?.self], rate: try row[1, as: Double?.self])
            }
            switch wishes.first?.what {
            case "stop": return .stop
            case "pause": try await Task.sleep(for: Self.beatPause)
            default: return .goOn(rate: wishes.first?.rate)
            }
        }
    }

    /// Waits for as long as so many messages take at the rate, which may change meanwhile, and while the action is paused. Gives signs
    /// of life.
    func wish(after messages: Int, at rate: Double?, in action: Int64) async throws -> Wish {
        var rate = rate
        let start = ContinuousClock.now
        while true {
            let left = rate.map { Duration.seconds(Double(messages) / $0) - (.now - start) } ?? .zero
            try await Task.sleep(for: min(max(left, .zero), Self.beatPause))
            let wish = try await wish(for: action)
            guard left > Self.beatPause, case .goOn(let wanted) = wish else { return wish }
            rate = wanted
        }
    }

    /// Whoever steers waits no longer than that.
    private static let beatPause = Duration.seconds(1)

    /// A sign of life, answered by what is wanted. One that is stopped has ended.
    static let beat: Statement = """
        UPDATE mq.operator_actions SET beat_at = clock_timestamp(),
            ended_at = CASE WHEN wanted = 'stop' THEN clock_timestamp() END WHERE number = $1 RETURNING wanted, rate
        """
    static let steer: Statement = """
        UPDATE mq.operator_actions SET wanted = $2 WHERE number = $1 AND ended_at IS NULL AND verb IN ('redrive', 'purge')
        """
    static let limitAction: Statement = """
        UPDATE mq.operator_actions SET rate = $2 WHERE number = $1 AND ended_at IS NULL AND verb = 'redrive'
        """
    static let redriven = Statement(
        """
        SELECT r.ticket, r.id, q.name, q.name, \(redrivenColumns)
        FROM mq.redriven r JOIN mq.queues q ON q.id = r.queue
        LEFT JOIN LATERAL (
            SELECT \(attemptColumns)
            FROM (SELECT n.* FROM mq.messages n WHERE n.id = r.id AND n.queue = r.queue ORDER BY n.appended_at DESC LIMIT 1) AS m \(attemptJoins)
        ) AS a ON true
        WHERE r.action = $1 AND r.ticket > $2 ORDER BY r.ticket LIMIT $3
        """)
    private static let redrivenColumns = """
        a.id, a.topic, a.key, a.tag, a.attempt, a.appended_at, a.claimed_at, a.worker, a.finished_at, a.outcome, a.error
        """
    /// What ``forgetRedriven``, and ``SentKeys/forget``, take away at once.
    static let mostForgotten = 10_000
    static let forgetRedriven: Statement = """
        DELETE FROM mq.redriven WHERE (action, ticket) IN (
            SELECT r.action, r.ticket FROM mq.redriven r JOIN mq.operator_actions a ON a.number = r.action
            WHERE a.began_at < now() - interval '30 days' ORDER BY r.action, r.ticket LIMIT 10000)
        """
}
