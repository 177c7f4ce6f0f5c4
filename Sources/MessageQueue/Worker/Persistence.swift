import Postgres

/// How long to go on with a commit when the trouble is neither the connection nor the data, such as a lock.
///
/// It may come from one message of a batch, or from the step: then it is soon told, so that it holds up nobody else.
enum Persistence {
    case aLittle, whileItMayPass, always

    private static let fewTries = 4
    /// Some ten seconds.
    private static let triesForMemory = 10

    fileprivate func bears(_ error: PostgresError, after tries: Int) -> Bool {
        if case .always = self { return true }
        // The server may be out of memory, or never have as much as this work needs. What became of work needs little: then it is the server.
        if error.isOutOfMemory, case .aLittle = self { return tries < Self.triesForMemory }
        return error.isConnectionTrouble || bearsItself(error, after: tries)
    }

    private func bearsItself(_ error: PostgresError, after tries: Int) -> Bool {
        switch self {
        case .aLittle: error.isRetryable && tries < Self.fewTries
        // What the server calls an internal error may be either.
        case .whileItMayPass: !error.refusesData || error.sqlState == "XX000" && tries < Self.fewTries
        case .always: true
        }
    }
}

extension StepRuntime {
    /// Commits what `body` does. Goes on while the trouble is the connection, or may pass otherwise, and the worker has time.
    ///
    /// - Throws: ``OutOfTime``, or what can't be waited out.
    func commit(trying persistence: Persistence, _ body: @Sendable (borrowing Session) throws -> Void) async throws {
        let pulse = broker.watchdog.pulse(ofTask: settling)
        var pause = Duration.milliseconds(50)
        var tries = 0
        while true {
            tries += 1
            // A step's own statements are among them.
            pulse.beat(within: broker.longestCall * 3)
            do { return try await broker.database.write(within: longestCommit, body) } catch let error as PostgresError
                where persistence.bears(error, after: tries)
            {
                journal.record(.commitDelayed(queue, error: "\(error)"))
                if isOutOfTime { throw OutOfTime() }
                try await Task.sleep(for: pause * Double.random(in: 0.8...1.2))
                pause = min(pause * 2, .seconds(2))
            }
        }
    }
}

extension PostgresError {
    /// The server had no memory for it.
    var isOutOfMemory: Bool { kind == .server && sqlState == "53200" }
}

/// The worker has been told to stop, and the time to finish what is in flight has passed.
struct OutOfTime: Error, CustomStringConvertible {
    var description: String { "the worker stops before it can be committed" }
}
