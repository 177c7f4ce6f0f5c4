public import Foundation
public import Postgres

/// Whoever acts on queues: a person at a desk or a command line, or a program for them.
///
/// ```swift
/// try await Operator("ada", via: "desk").act { try await broker.pause("orders") }
/// ```
/// Guarantee: each change by an operator's verb is recorded in the transaction that makes it, with the operator it was made
/// under; ``Broker/operatorActions(before:queue:by:verb:limit:)`` tells them. Without an operator the role of the database is
/// recorded alone; and queues, topics and subscriptions are then made, changed and deleted without a record, as programs do
/// at their start.
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
        /// ``Broker/redrive(_:rate:onBegin:)``
        case redrive
        /// ``Broker/purge(_:onBegin:)``
        case purge
        /// ``Broker/purge(waitingIn:onBegin:)``
        case purgeQueue = "purge queue"
        /// ``Broker/create(queue:_:labels:)``
        case createQueue = "create queue"
        /// ``Broker/change(queue:_:)``
        case changeQueue = "change queue"
        /// ``Broker/delete(queue:)``
        case deleteQueue = "delete queue"
        /// ``Broker/create(topic:labels:)``
        case createTopic = "create topic"
        /// ``Broker/change(topic:_:)``
        case changeTopic = "change topic"
        /// ``Broker/delete(topic:)``
        case deleteTopic = "delete topic"
        /// ``Broker/create(subscription:)``
        case createSubscription = "create subscription"
        /// ``Broker/change(subscription:of:_:)``
        case changeSubscription = "change subscription"
        /// ``Broker/delete(subscription:of:)``
        case deleteSubscription = "delete subscription"
        /// ``Broker/subscribe(_:to:tags:)``
        case subscribe
        /// ``Broker/unsubscribe(_:from:)``
        case unsubscribe
        /// ``Broker/changeLabels(_:)``
        case changeLabels = "change labels"
        /// ``Broker/send(_:to:)-(Draft,_)``
        case send
        /// ``Broker/note(_:_:by:in:)``
        case application
        /// ``Broker/pause(action:)``
        case pauseAction = "pause action"
        /// ``Broker/resume(action:)``
        case resumeAction = "resume action"
        /// ``Broker/stop(action:)``
        case stopAction = "stop action"
        /// ``Broker/limit(action:to:)``
        case limitAction = "limit action"
        /// ``Broker/retryBlocked(_:key:)``
        case retryBlocked = "retry blocked"
        /// ``Broker/skipBlocked(_:key:)``
        case skipBlocked = "skip blocked"
        /// ``Broker/hasten(_:in:)`` and ``Broker/hasten(retryingIn:onBegin:)``
        case hasten
        /// ``Broker/cancel(_:in:)``
        case cancelScheduled = "cancel scheduled"
        /// ``Broker/create(accessKey:)``
        case createKey = "create key"
        /// ``Broker/rotate(accessKey:to:)``
        case rotateKey = "rotate key"
        /// ``Broker/revoke(accessKey:)``
        case revokeKey = "revoke key"
    }

    /// Its number; later actions have higher ones.
    public let number: Int64
    /// What was done.
    public let verb: Verb
    /// The queue that it was done to; nil where it may have been several, or none.
    public let queue: QueueName?
    /// What else was said, such as the filter of a redrive.
    public let detail: [String: String]
    /// How many messages it has moved, deleted or freed so far.
    public let messages: Int
    /// How many it is about; nil where that isn't known when it begins.
    public let matched: Int?
    /// How many messages a second it may move; nil where it is not limited.
    public let rate: Double?
    /// Who did it, and through what; nil when the program did not say.
    public let by: Operator?
    /// The database's role that the program had logged in as.
    public let role: String
    /// When it began, by the database's clock.
    public let beganAt: Date
    /// When all of it was done, or was stopped; nil while it goes on, and for ever when it was broken off.
    public let endedAt: Date?
    /// How it stands.
    public let standing: Standing

    /// How an action stands.
    public enum Standing: String, Sendable, Codable {
        /// All of it was done, or an operator stopped it.
        case ended
        /// It goes on.
        case underWay = "under way"
        /// An operator has paused it.
        case paused
        /// Its process has given no sign of life for half a minute. What it has done stays; the rest takes another call.
        case brokenOff = "broken off"
    }
}

extension Broker {
    /// What operators did, the latest first. Walks the index of the person, else of the queue, else of the verb, else
    /// the primary key.
    ///
    /// - Parameters:
    ///   - before: the number of the last action of the page before.
    ///   - queue: only what was done to this queue by name.
    ///   - person: only what was done by the operator of this name; where a program did not say who, by this role of
    ///     the database.
    ///   - verb: only what was done by this verb.
    ///   - limit: the most that are told, 1 or more.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func operatorActions(
        before: Int64 = .max, queue: QueueName? = nil, by person: String? = nil, verb: OperatorAction.Verb? = nil,
        limit: Int = 100
    ) async throws -> [OperatorAction] {
        try QueueError.demand(limit: limit)
        let statement = Self.listing(person, queue, verb)
        return try await database.read(
            statement, before, queue?.text, person, verb?.rawValue, Int64(limit)
        ) { try OperatorAction($0) }
    }

    private static func listing(_ person: String?, _ queue: QueueName?, _ verb: OperatorAction.Verb?) -> Statement {
        if person != nil { return listActionsByPerson }
        if queue != nil { return listActionsByQueue }
        return verb == nil ? listActions : listActionsByVerb
    }

    /// One action by its number; nil when there is none. Walks the primary key.
    public func operatorAction(_ number: Int64) async throws -> OperatorAction? {
        guard number < .max else { return nil }
        return try await operatorActions(before: number + 1, limit: 1).first { $0.number == number }
    }

    /// Something that is about to be done, with who does it.
    struct Deed: Sendable {
        let verb: OperatorAction.Verb
        let queue: QueueName?
        let detail: [String: String]
        let by: Operator?
        /// As the consumer of a claim: an operator's, who completes what he claims in the same transaction.
        static let nobody: Int64 = -1

        /// Made where the caller's task is, not in the body of a transaction.
        init(
            _ verb: OperatorAction.Verb, _ queue: QueueName?, _ detail: [String: String?] = [:],
            by: Operator? = Operator.current
        ) {
            self.by = by
            self.verb = verb
            self.queue = queue
            self.detail = detail.compactMapValues { $0 }
        }
    }

    /// Records what an operator does to the application itself, such as to call an order off, in the caller's transaction.
    ///
    /// - Parameters:
    ///   - deed: what was done, in a word or two; told under `did`.
    ///   - detail: what else there is to say.
    ///   - by: who does it: ``Operator/current``, read outside of the transaction's body.
    ///   - session: the transaction that does it.
    public func note(
        _ deed: String, _ detail: [String: String] = [:], by: Operator?, in session: borrowing Session
    ) throws {
        try record(Deed(.application, nil, detail.merging(["did": deed]) { $1 }, by: by), in: session)
    }

    /// Records what this transaction does, all of it.
    func record(_ deed: Deed, messages: Int = 0, in session: borrowing Session) throws {
        session.pipeline(Self.endAction, try begin(deed, in: session), Int64(messages), true)
    }

    /// Records that something begins which takes several transactions.
    ///
    /// - Returns: its number, for ``goOn(_:messages:isEnd:in:)``.
    func begin(
        _ deed: Deed, matched: Int? = nil, rate: Double? = nil, in session: borrowing Session
    ) throws -> Int64 {
        let numbers = try session.query(
            Self.beginAction, deed.verb.rawValue, deed.queue?.text.storable(upTo: MessageLimits.nameCharacters),
            try Payloads.encode(headers: deed.detail.mapValues { $0.storable(upTo: MessageLimits.keyBytes) }),
            deed.by?.name, deed.by?.via, matched.map(Int64.init), rate
        ) { row in try row[0, as: Int64.self] }
        guard let number = numbers.first else { throw PostgresError(.decoding, "an action has no number") }
        return number
    }

    /// Counts what this transaction does of it.
    func goOn(_ action: Int64, messages: Int, isEnd: Bool, in session: borrowing Session) {
        session.pipeline(Self.endAction, action, Int64(messages), isEnd)
    }

    static let listActions = Statement(actions(where: "true"))
    static let listActionsByPerson = Statement(actions(where: "coalesce(operator, role) = $3"))
    static let listActionsByQueue = Statement(actions(where: "queue = $2"))
    static let listActionsByVerb = Statement(actions(where: "verb = $4"))

    /// A plan serves all values, so what leads to an index is said by itself, and not as what may also be NULL.
    private static func actions(where leading: String) -> String {
        """
        SELECT number, verb, queue, detail, messages, operator, via, role, began_at, ended_at, matched,
            CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN beat_at < clock_timestamp() - interval '30 seconds' THEN 'broken off'
                WHEN wanted = 'pause' THEN 'paused' ELSE 'under way' END, rate
        FROM mq.operator_actions WHERE number < $1 AND \(leading) AND ($2::text IS NULL OR queue = $2)
            AND ($3::text IS NULL OR coalesce(operator, role) = $3) AND ($4::text IS NULL OR verb = $4)
        ORDER BY number DESC LIMIT $5
        """
    }

    static let beginAction: Statement = """
        INSERT INTO mq.operator_actions (verb, queue, detail, operator, via, matched, rate)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING number
        """
    /// By primary key. Beside whoever acts, only one who steers writes the row, by a statement of its own.
    static let endAction: Statement = """
        UPDATE mq.operator_actions SET messages = messages + $2, ended_at = CASE WHEN $3 THEN clock_timestamp() END,
            beat_at = clock_timestamp() WHERE number = $1
        """
}

extension [String: String] {
    /// The names of labels that are others than before; nil when all are the same. What they hold is the business of whoever set them,
    /// such as an address with a password.
    func names(differingFrom old: Self) -> String? {
        let names = Set(keys).union(old.keys).filter { self[$0] != old[$0] }
        return names.isEmpty ? nil : names.sorted().joined(separator: ", ")
    }
}

extension OperatorAction {
    fileprivate init(_ row: borrowing Row) throws {
        let text = try row[1, as: String.self]
        guard let verb = Verb(rawValue: text) else { throw PostgresError(.decoding, "\(text) is no verb") }
        let name = try row[5, as: String?.self]
        self.init(
            number: try row[0], verb: verb, queue: try row[2, as: String?.self].map { QueueName($0) },
            detail: Payloads.decode(headers: try row[3]), messages: try row[4], matched: try row[10],
            rate: try row[12], by: try name.map { Operator($0, via: try row[6]) }, role: try row[7],
            beganAt: try row[8],
            endedAt: try row[9], standing: try .init(row[11]))
    }
}

extension OperatorAction.Standing {
    fileprivate init(_ text: String) throws {
        guard let standing = Self(rawValue: text) else { throw PostgresError(.decoding, "\(text) is no standing") }
        self = standing
    }
}
