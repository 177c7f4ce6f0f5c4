public import Postgres

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
