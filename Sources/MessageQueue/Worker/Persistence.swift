import Postgres

/// How long to go on with a commit when the trouble is neither the connection nor the data, such as a lock.
///
/// It may come from one message of a batch, or from the step: then it is soon told, so that it holds up nobody else.
enum Persistence {
    case aLittle, whileItMayPass

    private static let fewTries = 4
    /// Some ten seconds.
    private static let triesForMemory = 10
    private static let fewLosses = 5

    /// - Parameter losses: how many of the tries ended with the loss of their connection.
    fileprivate func bears(_ error: PostgresError, after tries: Int, losses: Int) -> Bool {
        switch self {
        case .aLittle: bearsALittle(error, tries, losses)
        // What became of work needs little: then it is the server. What somebody may mend is not waited for: all the others would
        // wait too.
        case .whileItMayPass: !error.refuses || error.mayBeMended && tries < Self.fewTries
        }
    }

    private func bearsALittle(_ error: PostgresError, _ tries: Int, _ losses: Int) -> Bool {
        // The server may be out of something, or never have as much as this work needs.
        if error.mayAskTooMuch { return tries < Self.triesForMemory }
        // Each time over a connection that worked: it may be this work that ends its server process.
        if error.losesConnection { return losses < Self.fewLosses }
        return error.isConnectionTrouble || error.isRetryable && tries < Self.fewTries
    }
}

extension StepRuntime {
    /// Commits what `body` does. Goes on while the trouble is the connection, or may pass otherwise, and the worker has time.
    ///
    /// - Throws: ``OutOfTime``, or what can't be waited out.
    func commit(trying persistence: Persistence, _ body: @Sendable (borrowing Session) throws -> Void) async throws {
        let pulse = broker.watchdog.pulse(ofTask: settling)
        var pause = Duration.milliseconds(50)
        var (tries, losses) = (0, 0)
        while true {
            tries += 1
            // A step's own statements are among them.
            pulse.beat(within: broker.longestCall * 3)
            do { return try await broker.database.write(within: longestCommit, body) } catch let error as PostgresError
            {
                if error.losesConnection { losses += 1 }
                guard persistence.bears(error, after: tries, losses: losses) else { throw error }
                journal.record(.commitDelayed(queue, error: "\(error)"))
                if isOutOfTime { throw OutOfTime() }
                try await Task.sleep(for: pause * Double.random(in: 0.8...1.2))
                pause = min(pause * 2, .seconds(2))
            }
        }
    }
}

extension PostgresError {
    /// A connection that worked broke meanwhile.
    fileprivate var losesConnection: Bool { kind == .connectionLost || kind == .outcomeUnknown }
}

/// The worker has been told to stop, and the time to finish what is in flight has passed.
struct OutOfTime: Error, CustomStringConvertible {
    var description: String { "the worker stops before it can be committed" }
}
