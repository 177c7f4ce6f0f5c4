import Durations
import Foundation

/// Statements out, results in: the conversation with one server process, on the connection's thread.
///
/// Every exchange is one round trip in pipeline mode, however many statements it carries; statements are prepared on
/// the way, in the same trip.
final class Channel {
    let link: Link
    let thread: ConnectionThread
    /// Statements are prepared only where they stay: in a session that is our own.
    var tenure = Tenure.unknown
    private var prepared = PreparedStatements()
    /// See ``Session/learn(_:confirmedBy:)``.
    var learnt: [Statement: String] = [:]
    /// What may end the call that is going on.
    var interrupt: Interrupt?
    /// See ``ConnectionOptions/pace``.
    let pace: (@Sendable (String) throws -> Void)?
    /// Whether this is no session to go on with, though it works: see ``PostgresError/condemnsSession``.
    private(set) var isCondemned = false
    /// Whether a server that takes no writes is of no use here.
    let needsWrites: Bool
    /// See ``ConnectionOptions/silenceLimit``.
    let silenceLimit: Duration
    /// Makes another connection to the same server; nil in one that was made by this.
    let beside: (@Sendable () async throws -> Connection)?
    /// When the server answered last.
    private(set) var lastAnswer = ContinuousClock.now
    /// When the exchange began that was given up because nothing was heard any more; nil while all goes well.
    var silentSince: ContinuousClock.Instant?
    /// Whether a commit was given up that may go on at the server for long.
    var hasUnansweredCommit = false
    /// Whether all that was asked has been answered. A conversation left in the middle can't be taken up again: later
    /// answers would be taken for those of other statements.
    private var isInStep = true

    init(
        _ link: consuming Link, thread: ConnectionThread, needsWrites: Bool, options: ConnectionOptions,
        beside: (@Sendable () async throws -> Connection)?
    ) {
        self.link = link
        self.thread = thread
        self.needsWrites = needsWrites
        pace = options.pace
        silenceLimit = options.silenceLimit
        self.beside = beside
    }

    var isBroken: Bool { link.isBroken || !isInStep }
    /// Whether the session should be left, now that nothing is under way in it.
    var isToBeLeft: Bool { isCondemned || needsWrites && link.isReadOnly }
    var socket: Int32 { link.socket }
    var backendPID: Int32 { link.backendPID }
    var serverVersion: Int { link.serverVersion }

    /// Where among the statements of an exchange their transaction is committed.
    enum Commit {
        /// Elsewhere.
        case none
        /// By the last statement, a COMMIT.
        case last
        /// At the end: the statements are a transaction of their own.
        case end
    }

    /// Sends all statements at once, as one pipeline with one sync at its end, and hands each result to `receive`.
    ///
    /// The first failure is thrown once the pipeline has been read to its end, so that the connection can be used on.
    /// Statements that finish in spite of a cancellation have succeeded: a COMMIT must not be told as failed.
    ///
    /// Statements are cancelled, and a commit never is: one that waits for its standby would be told as done while only this
    /// server has it. So the server is asked to answer everything before the commit at once, which tells how far it is.
    func exchange(
        _ statements: [BoundStatement], commit: Commit = .none, receive: (Int, borrowing ResultHandle) throws -> Void
    ) throws {
        if let reason = interrupt?.reason { throw reason.error() }
        for statement in statements { try statement.parameters.check(in: statement.statement.sql) }
        var waiting = Wait(upTo: silenceLimit)
        isInStep = false
        let ahead = commit == .last ? statements.count - 1 : statements.count
        let new = try sendWhole(statements, flushingAt: commit == .none || interrupt == nil ? nil : ahead)
        try flush(&waiting)
        var failure: (any Error)?
        for (index, statement) in statements.enumerated() {
            if commit == .last, index == ahead { waiting.commitBegins() }
            if new.contains(index) {
                try read(&waiting, of: statement, into: &failure) { _ in }
                if failure != nil { prepared[statement.statement] = nil }
            }
            try read(&waiting, of: statement, into: &failure) { result in try receive(index, result) }
        }
        if commit == .end { waiting.commitBegins() }
        try readSync(&waiting, of: statements, into: &failure)
        try end(waiting, failure)
    }

    /// Some commit among what was asked last may be lost with this server.
    private func checkLasts() throws {
        if let doubt = link.takeDoubt() { throw PostgresError(.outcomeUnknown, doubt) }
    }

    /// Runs statements separated by semicolons, without parameters, by the simple protocol.
    ///
    /// - Parameter commit: `end` where they are a transaction of their own, or several. Nothing tells then which of
    ///   them the server is at, and any may be a commit: so none is cancelled.
    func script(_ sql: String, commit: Commit = .none) throws {
        if let reason = interrupt?.reason { throw reason.error() }
        var waiting = Wait(upTo: silenceLimit)
        isInStep = false
        try check(link.leavePipelineMode())
        try check(link.sendScript(sql))
        // From here on: what is under way can't be told from what the server has.
        if commit == .end { waiting.commitBegins() }
        try flush(&waiting)
        var failure: PostgresError?
        while let result = try nextResult(&waiting) {
            if result.status == .failed { failure = failure ?? noted(result.serverError(in: sql)) }
        }
        try check(link.enterPipelineMode())
        try end(waiting, failure)
    }

    private func end(_ waiting: Wait, _ failure: (any Error)?) throws {
        try waiting.settleCancel()
        isInStep = true
        lastAnswer = .now
        try checkLasts()
        if let failure { throw waiting.explain(failure) }
    }

    /// Takes in what the server sent unasked: names of the notification channels that rang.
    ///
    /// - Throws: ``PostgresError`` of kind `connectionLost` when the server hung up.
    func takeNotifications() throws -> [String] {
        guard link.consumeInput() else { throw lost() }
        if link.isBroken { throw lost() }
        return pendingNotifications()
    }

    /// Notifications that have been read already, along with results.
    func pendingNotifications() -> [String] {
        var channels: [String] = []
        while let channel = link.nextNotification() { channels.append(channel) }
        return channels
    }

    // MARK: Sending

    /// A link that works and takes no more has no room for it: if that is because of the values, another link has none either.
    private func sendWhole(_ statements: [BoundStatement], flushingAt flush: Int?) throws -> [Int] {
        do { return try send(statements, flushingAt: flush) } catch {
            let bytes = statements.reduce(0) { $0 + $1.parameters.bytes.count }
            guard !link.isBroken, bytes > Parameters.largest else { throw error }
            throw PostgresError(.tooLarge, "the values of statements that travel together take \(bytes) bytes")
        }
    }

    /// Answers which of them a preparation went ahead of: usually none, which costs nothing.
    ///
    /// - Parameter flush: the number of statements after which the server is to answer at once; nothing ahead needs none.
    private func send(_ statements: [BoundStatement], flushingAt flush: Int?) throws -> [Int] {
        var new: [Int] = []
        for (index, statement) in statements.enumerated() {
            if index == flush, index > 0 { try check(link.sendFlushRequest()) }
            if try send(statement) { new.append(index) }
        }
        if flush == statements.count { try check(link.sendFlushRequest()) }
        try check(link.sendSync())
        return new
    }

    /// Answers whether a preparation went ahead of the statement.
    private func send(_ bound: BoundStatement) throws -> Bool {
        let sql = bound.statement.sql
        guard case .own = tenure, prepared.hasRoom(for: bound.statement) else {
            try check(link.sendExecute(nil, sql, bound.parameters))
            return false
        }
        if let known = prepared[bound.statement], bound.parameters.have(known.types) {
            try check(link.sendExecute(known.name, sql, bound.parameters))
            return false
        }
        let statement = prepared.next(for: bound.parameters.types)
        try check(link.sendPrepare(statement.name, sql, types: statement.types))
        try check(link.sendExecute(statement.name, sql, bound.parameters))
        prepared[bound.statement] = statement
        return true
    }

    private func flush(_ waiting: inout Wait) throws {
        while true {
            switch link.flush() {
            case .done: return
            case .failed: throw lost()
            case .more:
                // The server may be blocked on sending us results: read while writing, or both wait for ever.
                try wait(&waiting, for: Int16(POLLIN | POLLOUT))
                try check(link.consumeInput())
            }
        }
    }

    // MARK: Receiving

    private func read(
        _ waiting: inout Wait, of bound: BoundStatement, into failure: inout (any Error)?,
        receive: (borrowing ResultHandle) throws -> Void
    ) throws {
        while let result = try nextResult(&waiting) {
            switch result.status {
            case .failed:
                waiting.isRefused = true
                let wasPrepared = prepared[bound.statement] != nil
                failure = failure ?? noted(result.serverError(in: bound.statement.sql, wasPrepared: wasPrepared))
            case .rows, .done:
                guard failure == nil else { continue }
                do { try receive(result) } catch { failure = error }
            case .sync, .aborted: break
            }
        }
    }

    /// Reads to the answer of the sync, which is where a transaction without a block commits: what is refused there, such as a
    /// deferred constraint, is a failure as any other, and a session that ends there has confirmed nothing.
    private func readSync(
        _ waiting: inout Wait, of statements: [BoundStatement], into failure: inout (any Error)?
    ) throws {
        var mayEnd = false
        while true {
            guard let result = try nextResult(&waiting) else {
                // A refusal comes as the result of a query does, with an end of its own ahead of the sync.
                guard mayEnd else { break }
                mayEnd = false
                continue
            }
            switch result.status {
            case .sync: return
            case .failed:
                failure = failure ?? noted(result.serverError(in: statements.last?.statement.sql ?? ""))
                mayEnd = true
            case .rows, .done, .aborted: break
            }
        }
        throw lost("the server ended the session before it confirmed what was asked")
    }

    private func noted(_ error: PostgresError) -> PostgresError {
        isCondemned = isCondemned || error.condemnsSession
        return error
    }

    private func nextResult(_ waiting: inout Wait) throws -> ResultHandle? {
        while link.isBusy {
            try wait(&waiting, for: Int16(POLLIN))
            guard link.consumeInput() else { throw lost() }
        }
        let result = link.nextResult()
        if link.isBroken { throw lost() }
        return result
    }

    private func check(_ wentWell: Bool) throws {
        if !wentWell { throw lost() }
    }

    func lost(_ message: String? = nil) -> PostgresError {
        PostgresError(
            .connectionLost, message ?? (link.errorMessage.isEmpty ? "the connection broke" : link.errorMessage))
    }
}
