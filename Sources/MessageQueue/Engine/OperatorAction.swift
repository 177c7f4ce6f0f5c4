public import Foundation
import Postgres

/// Whoever acts on queues: a person at a desk or a command line, or a program for them.
///
/// ```swift
/// try await Operator("ada", via: "desk").act { try await broker.pause("orders") }
/// ```
/// Guarantee: each change by an operator's verb is recorded in the transaction that makes it, with the operator it was made
/// under; ``Broker/operatorActions(before:queue:limit:)`` tells them. Without an operator the role of the database is recorded
/// alone.
public struct Operator: Sendable, Equatable, Codable {
    /// Who it is, as the program knows it, such as a login.
    public let name: String
    /// What they act through, such as `desk`.
    public let via: String

    /// Both texts are cut to 200 bytes.
    public init(_ name: String, via: String) {
        self.name = name.storable(upTo: MessageLimits.nameBytes)
        self.via = via.storable(upTo: MessageLimits.nameBytes)
    }

    /// The one under whom this task acts.
    @TaskLocal public static var current: Operator?

    /// Runs `body` with this operator as the one who acts.
    public func act<T>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
    ) async rethrows -> T {
        try await Self.$current.withValue(self, operation: body)
    }
}

/// What an operator did.
public struct OperatorAction: Sendable, Codable {
    /// The verbs that are recorded.
    public enum Verb: String, Sendable, Codable, CaseIterable {
        /// ``Broker/pause(_:)``
        case pause
        /// ``Broker/resume(_:)``
        case resume
        /// ``Broker/limit(_:to:)``
        case limit
        /// ``Broker/redrive(_:rate:)``
        case redrive
        /// ``Broker/purge(_:)``
        case purge
        /// ``Broker/retryBlocked(_:key:)``
        case retryBlocked = "retry blocked"
        /// ``Broker/skipBlocked(_:key:)``
        case skipBlocked = "skip blocked"
    }

    /// Its number; later actions have higher ones.
    public let number: Int64
    /// What was done.
    public let verb: Verb
    /// The queue that it was done to; nil where it may have been several.
    public let queue: QueueName?
    /// What else was said, such as the filter of a redrive.
    public let detail: [String: String]
    /// How many messages it has moved, deleted or freed so far.
    public let messages: Int
    /// Who did it, and through what; nil when the program did not say.
    public let by: Operator?
    /// The database's role that the program had logged in as.
    public let role: String
    /// When it began, by the database's clock.
    public let beganAt: Date
    /// When all of it was done; nil while it goes on, and for ever when it was broken off.
    public let endedAt: Date?
}

extension Broker {
    /// What operators did, the latest first. Walks the primary key.
    ///
    /// - Parameters:
    ///   - before: the number of the last action of the page before.
    ///   - queue: only what was done to this queue by name.
    ///   - limit: the most that are told.
    public func operatorActions(
        before: Int64 = .max, queue: QueueName? = nil, limit: Int = 100
    ) async throws -> [OperatorAction] {
        try await database.read(Self.listActions, before, queue?.text, Int64(limit)) { row in
            let verb = try row[1, as: String.self]
            guard let verb = OperatorAction.Verb(rawValue: verb) else {
                throw PostgresError(.decoding, "\(verb) is no verb")
            }
            let name = try row[5, as: String?.self]
            return OperatorAction(
                number: try row[0], verb: verb, queue: try row[2, as: String?.self].map { QueueName($0) },
                detail: Payloads.decode(headers: try row[3]), messages: try row[4],
                by: try name.map { Operator($0, via: try row[6]) }, role: try row[7], beganAt: try row[8],
                endedAt: try row[9])
        }
    }

    /// Something that is about to be done, with who does it.
    struct Deed: Sendable {
        let verb: OperatorAction.Verb
        let queue: QueueName?
        let detail: [String: String]
        let by = Operator.current

        /// Made where the caller's task is, not in the body of a transaction.
        init(_ verb: OperatorAction.Verb, _ queue: QueueName?, _ detail: [String: String?] = [:]) {
            self.verb = verb
            self.queue = queue
            self.detail = detail.compactMapValues { $0 }
        }
    }

    /// Records what this transaction does, all of it.
    func record(_ deed: Deed, messages: Int = 0, in session: borrowing Session) throws {
        session.pipeline(Self.endAction, try begin(deed, in: session), Int64(messages), true)
    }

    /// Records that something begins which takes several transactions.
    ///
    /// - Returns: its number, for ``goOn(_:messages:isEnd:in:)``.
    func begin(_ deed: Deed, in session: borrowing Session) throws -> Int64 {
        let numbers = try session.query(
            Self.beginAction, deed.verb.rawValue, deed.queue?.text.storable(upTo: MessageLimits.nameBytes),
            try Payloads.encode(headers: deed.detail.mapValues { $0.storable(upTo: MessageLimits.keyBytes) }),
            deed.by?.name, deed.by?.via
        ) { row in try row[0, as: Int64.self] }
        guard let number = numbers.first else { throw PostgresError(.decoding, "an action has no number") }
        return number
    }

    /// Counts what this transaction does of it.
    func goOn(_ action: Int64, messages: Int, isEnd: Bool, in session: borrowing Session) {
        session.pipeline(Self.endAction, action, Int64(messages), isEnd)
    }

    static let listActions: Statement = """
        SELECT number, verb, queue, detail, messages, operator, via, role, began_at, ended_at FROM mq.operator_actions
        WHERE number < $1 AND ($2::text IS NULL OR queue = $2) ORDER BY number DESC LIMIT $3
        """
    static let beginAction: Statement = """
        INSERT INTO mq.operator_actions (verb, queue, detail, operator, via) VALUES ($1, $2, $3, $4, $5) RETURNING number
        """
    /// By primary key; nobody else touches this row.
    static let endAction: Statement = """
        UPDATE mq.operator_actions SET messages = messages + $2, ended_at = CASE WHEN $3 THEN clock_timestamp() END WHERE number = $1
        """
}
