import Synchronization

/// A question to the server, over a connection of its own, whether one of its processes is still at work: the line on
/// which its answer is awaited may be one that looks open and carries nothing.
final class Inquiry: Sendable {
    enum Finding: Sendable { case atWork, done, nobodyToAsk }

    private let answer = Mutex<Finding?>(nil)

    /// For the one statement. To connect has the limit that it has for anybody.
    private static let limit = Duration.seconds(5)

    /// Begins to ask.
    ///
    /// - Parameters:
    ///   - process: the server process.
    ///   - open: makes a connection to the same server.
    ///   - thread: is woken when there is an answer.
    init(
        about process: Int32, over open: @escaping @Sendable () async throws -> Connection,
        waking thread: ConnectionThread
    ) {
        // Awaited by nobody: it ends within its limits, and touches nothing but the answer.
        Task { [self] in
            let finding = await Self.finding(about: process, over: open)
            answer.withLock { $0 = finding }
            thread.wakeUp.ring()
        }
    }

    /// Nil until it has been answered.
    var finding: Finding? { answer.withLock { $0 } }

    private static func finding(
        about process: Int32, over open: @Sendable () async throws -> Connection
    ) async -> Finding {
        do {
            let connection = try await open()
            let answers = try await connection.read(isAtWork, process, within: limit) { try $0[0, as: Bool.self] }
            await connection.close()
            return answers == [true] ? .atWork : .done
        } catch {
            return .nobodyToAsk
        }
    }

    /// One that waits for its client has said all it had to say, or has not heard all it needs. Where activities are
    /// not tracked, a process that is there counts as one at work.
    private static let isAtWork: Statement = """
        SELECT coalesce(state, '') NOT LIKE 'idle%' AND wait_event_type IS DISTINCT FROM 'Client'
        FROM pg_stat_activity WHERE pid = $1
        """
}

/// A call with a limit of its own may be silent for long because its statement takes long, or because its line carries
/// nothing.
extension Channel {
    /// Between two questions, so that an answer that was just on its way has arrived.
    private static let inquiryPause = Duration.seconds(1)
    private static let patience = 2

    /// Has the server asked about its process, when it has been silent for too long.
    ///
    /// - Returns: when to look again; nil when somebody else ends the wait.
    /// - Throws: ``PostgresError`` of kind `connectionLost` once it is twice found to do nothing, or not found.
    func lookAfterServer(_ waiting: inout Wait) throws -> ContinuousClock.Instant? {
        guard let beside, case .own = tenure, interrupt?.deadline != nil, !waiting.isEnding else { return nil }
        guard waiting.silenceEnd <= .now else { return waiting.silenceEnd }
        guard let inquiry = waiting.inquiry else {
            waiting.inquiry = Inquiry(about: backendPID, over: beside, waking: thread)
            return nil
        }
        guard let finding = inquiry.finding else { return nil }
        // A server that can't be asked may be full for a while: only of a process that is done is soon asked again.
        waiting.note(finding, until: .now + (finding == .done ? Self.inquiryPause : silenceLimit))
        guard waiting.fruitlessInquiries < Self.patience else {
            hasUnansweredCommit = waiting.isCommitting
            throw gaveUp(waiting, "the server is silent, and is not at work on what it was asked")
        }
        return waiting.silenceEnd
    }
}
