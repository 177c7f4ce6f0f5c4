/// The statements of one transaction on their way to the server.
@usableFromInline final class Transaction {
    private let channel: Channel
    /// A transaction block, or each statement on its own.
    private let isBlock: Bool
    private var pending: [BoundStatement] = []
    private var hasBegun = false
    private var failure: (any Error)?
    /// Questions whose answers hold for this transaction, or for the statements that wait to be sent.
    private var confirmed: Set<Statement> = []
    var afterCommit: [@Sendable () -> Void] = []
    var explanations: [@Sendable (PostgresError) -> (any Error)?] = []

    private static let begin = BoundStatement("BEGIN")
    private static let commit = BoundStatement("COMMIT")
    private static let rollback = BoundStatement("ROLLBACK")

    init(on channel: Channel, isBlock: Bool) {
        self.channel = channel
        self.isBlock = isBlock || channel.pace != nil
    }

    @usableFromInline func pipeline(_ statement: BoundStatement) { pending.append(statement) }

    @usableFromInline func run(_ statement: BoundStatement, receive: (borrowing ResultHandle) throws -> Void) throws {
        let ahead = takePending(withBegin: isBlock)
        // Most statements go alone.
        let statements = ahead.isEmpty ? [statement] : ahead + [statement]
        try isBlock ? exchange(statements, receive: receive) : exchangeWhole(statements, receive: receive)
    }

    func learn(_ question: Statement, confirmedBy confirmation: Statement) throws -> (answer: String, isNew: Bool) {
        guard let known = channel.learnt[question] else { return (try ask(question), true) }
        if channel.isPooled, confirmed.insert(question).inserted {
            pipeline(BoundStatement(confirmation, known))
        }
        return (known, false)
    }

    /// What this transaction has asked itself needs no confirmation in it.
    private func ask(_ question: Statement) throws -> String {
        var answer: String?
        try run(BoundStatement(question)) { result in answer = try Row(result.rows, 0)[0] }
        guard let answer else { throw PostgresError(.decoding, "no answer to \(question.sql)") }
        channel.learnt[question] = answer
        if isBlock { confirmed.insert(question) }
        return answer
    }

    func unlearn() {
        channel.learnt = [:]
        confirmed = []
    }

    func refuse(_ error: any Error) { failure = failure ?? error }

    func script(_ sql: String) throws {
        let ahead = takePending(withBegin: isBlock)
        if !ahead.isEmpty { try isBlock ? exchange(ahead) { _ in } : exchangeWhole(ahead) { _ in } }
        try remembering { try isBlock ? channel.script(sql) : committing { try channel.script(sql, commit: .end) } }
    }

    /// Ends well.
    func end() throws {
        // A failure that the body swallowed still spoils the transaction: the server would answer COMMIT with ROLLBACK.
        if let failure { throw failure }
        guard hasBegun || !pending.isEmpty else { return }
        let last = takePending(withBegin: channel.pace != nil)
        guard hasBegun else { return try exchangeWhole(last) { _ in } }
        try committing { try exchange(last + [Self.commit], commit: .last) { _ in } }
        hasBegun = false
    }

    /// A connection that breaks while a commit is on its way leaves open whether it happened, and so does one that is given up.
    private func committing(_ exchange: () throws -> Void) throws {
        let wasBroken = channel.isBroken
        do { try exchange() } catch let error as PostgresError where error.kind == .connectionLost && !wasBroken {
            throw PostgresError(.outcomeUnknown, "the connection was lost during the commit: \(error.message)")
        } catch let error as PostgresError where error.kind == .outcomeUnknown {
            // In doubt, but over: there is nothing to roll back.
            hasBegun = false
            throw error
        }
    }

    /// Ends badly. The connection stays usable unless it is broken.
    func rollBack() {
        pending = []
        guard hasBegun, !channel.isBroken else { return }
        hasBegun = false
        // A failing ROLLBACK leaves a broken connection behind, which the pool notices and drops.
        try? channel.exchange([Self.rollback]) { _, _ in }
    }

    private func takePending(withBegin: Bool) -> [BoundStatement] {
        defer { if !pending.isEmpty { pending = [] } }
        guard withBegin, !hasBegun else { return pending }
        hasBegun = true
        return (channel.opening ?? [Self.begin]) + pending
    }

    /// Statements that are a transaction of their own. They need no BEGIN and COMMIT, since a pipeline up to its sync is one;
    /// unless it has to begin with settings.
    private func exchangeWhole(
        _ statements: [BoundStatement], receive: (borrowing ResultHandle) throws -> Void
    ) throws {
        confirmed = []
        guard let opening = channel.opening else {
            return try committing { try exchange(statements, commit: .end, receive: receive) }
        }
        let all = opening + statements + [Self.commit]
        // Until it is known to be over: a failure in it leaves the transaction open.
        hasBegun = true
        try committing { try exchange(all, answering: all.count - 2, commit: .last, receive: receive) }
        hasBegun = false
    }

    /// Hands on the result of the last statement, or of the one with the given number.
    private func exchange(
        _ statements: [BoundStatement], answering number: Int? = nil, commit: Channel.Commit = .none,
        receive: (borrowing ResultHandle) throws -> Void
    ) throws {
        let number = number ?? statements.count - 1
        try remembering {
            guard let pace = channel.pace else {
                return try channel.exchange(statements, commit: commit) { index, result in
                    if index == number { try receive(result) }
                }
            }
            for (index, statement) in statements.enumerated() {
                try pace(statement.statement.sql)
                let isLast = index == statements.count - 1
                try channel.exchange([statement], commit: isLast ? commit : .none) { _, result in
                    if index == number { try receive(result) }
                }
            }
        }
    }

    private func remembering(_ action: () throws -> Void) throws {
        do { try action() } catch {
            let explained = explain(error)
            failure = explained
            channel.learnt = [:]
            throw explained
        }
    }

    private func explain(_ error: any Error) -> any Error {
        guard let refusal = error as? PostgresError, refusal.kind == .server else { return error }
        for explanation in explanations { if let explained = explanation(refusal) { return explained } }
        return error
    }
}
