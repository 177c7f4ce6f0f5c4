import Postgres

/// A step's record of its calls to a third party: what settles the race between a call and a cancellation.
///
/// One row per order, in the step's own schema: how many calls may have had an effect or may yet have one, and whether the
/// cancellation was asked for. An order for which it was asked while no call was out is cancelled: no call begins any more.
struct ProviderCalls: Sendable {
    enum Room: String {
        case payment, logistics
    }

    private let database: Database
    private let statements: Statements
    private let beginnings: GroupCommit<OrderID, Bool>

    init(of room: Room, on database: Database) {
        let statements = Statements(room: room.rawValue)
        self.database = database
        self.statements = statements
        beginnings = GroupCommit(limit: 200) { ids in
            let begun = Set(
                try await database.query(statements.begin, ids.sorted(), within: Self.limit) {
                    try $0[0, as: OrderID.self]
                })
            return ids.map(begun.contains)
        }
    }

    private static let limit = Duration.seconds(5)

    /// Calls the third party, unless the order is cancelled; nil when it is.
    ///
    /// Guarantee: whenever the call may have an effect, the order is not cancelled.
    /// - Parameter tell: tells of the cancellation, in the transaction that decides it, when that is this one.
    func call<T: Sendable>(
        for order: OrderID, _ call: () async throws(ProviderError) -> T,
        whenCancelled tell: @Sendable (borrowing Session) throws -> Void = { _ in }
    ) async throws -> T? {
        guard try await beginnings.submit(order) else { return nil }
        do { return try await call() } catch let error where error.hadNoEffect {
            guard try await withdraw(order, tell) else { throw error }
            return nil
        }
    }

    /// Whether the order is cancelled with that.
    private func withdraw(
        _ order: OrderID, _ tell: @Sendable (borrowing Session) throws -> Void
    ) async throws -> Bool {
        try await database.write(within: Self.limit) { session in
            let isCancelled = try session.query(statements.withdraw, order) { try $0[0, as: Bool.self] } == [true]
            if isCancelled { try tell(session) }
            return isCancelled
        }
    }

    /// Notes that these orders are to be cancelled, and answers those that are so with it: no call is out, and none begins.
    func cancel(_ orders: [OrderID], in session: borrowing Session) throws -> [OrderID] {
        session.walkIndexes()
        return try session.query(statements.cancel, orders) {
            (id: try $0[0, as: OrderID.self], isFree: try $0[1, as: Bool.self])
        }
        .filter(\.isFree).map(\.id)
    }

    /// Which of these orders are to be cancelled. None becomes so until the end of the transaction.
    func cancelled(among orders: [OrderID], in session: borrowing Session) throws -> Set<OrderID> {
        session.walkIndexes()
        let rows = try session.query(statements.lock, orders) {
            (id: try $0[0, as: OrderID.self], isAsked: try $0[1, as: Bool.self])
        }
        return Set(rows.filter(\.isAsked).map(\.id))
    }

    /// Rows are always locked in the order of their ids. All of these find them by the primary key.
    private struct Statements: Sendable {
        let begin: Statement
        let withdraw: Statement
        let cancel: Statement
        let lock: Statement

        init(room: String) {
            begin = Statement(
                """
                INSERT INTO \(room).calls AS c (order_id, calls)
                SELECT id, count(*) FROM unnest($1::uuid[]) AS n (id) GROUP BY id ORDER BY id
                ON CONFLICT (order_id) DO UPDATE SET calls = c.calls + excluded.calls
                WHERE c.cancel_asked_at IS NULL OR c.calls > 0
                RETURNING order_id
                """)
            withdraw = Statement(
                """
                UPDATE \(room).calls SET calls = calls - 1 WHERE order_id = $1 AND calls > 0
                RETURNING calls = 0 AND cancel_asked_at IS NOT NULL
                """)
            cancel = Statement(
                """
                INSERT INTO \(room).calls AS c (order_id, calls, cancel_asked_at)
                SELECT id, 0, now() FROM unnest($1::uuid[]) AS n (id) ORDER BY id
                ON CONFLICT (order_id) DO UPDATE SET cancel_asked_at = coalesce(c.cancel_asked_at, excluded.cancel_asked_at)
                RETURNING order_id, calls = 0
                """)
            lock = Statement(
                """
                SELECT order_id, cancel_asked_at IS NOT NULL FROM \(room).calls
                WHERE order_id = ANY($1) ORDER BY order_id FOR SHARE
                """)
        }
    }
}
