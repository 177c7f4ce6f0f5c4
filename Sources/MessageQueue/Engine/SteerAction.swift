import Postgres

extension Broker {
    /// Pauses a redrive or purge of dead letters that is under way in any process: at its next step it waits.
    ///
    /// - Parameter number: of the action, see ``operatorActions(before:queue:by:verb:limit:)``.
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
    ///   - number: of the action, see ``operatorActions(before:queue:by:verb:limit:)``.
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
}
