import Foundation
import Postgres

extension Broker {
    /// Lets messages that wait until they are due be due now, also those that wait for another attempt: for whoever
    /// knows that what they wait for is mended.
    ///
    /// Guarantee: nothing else of them changes; receipts stay good, and attempts are counted as before. Recorded as
    /// what an operator did.
    /// - Parameters:
    ///   - receipts: of messages of this queue, see ``scheduled(in:after:limit:)``; others are left out.
    ///   - queue: whose messages.
    /// - Returns: those that waited still.
    /// - Throws: ``QueueError/unknownQueue(_:)``.
    @discardableResult
    public func hasten(_ receipts: [ScheduledReceipt], in queue: QueueName) async throws -> [MessageID] {
        try await act(on: receipts, in: queue, .hasten, by: Self.hasten)
    }

    /// Takes back messages that wait until they are due, also those that wait for another attempt: they are never
    /// delivered again.
    ///
    /// Guarantee: of this and the delivery one happens to each. Recorded as what an operator did, and counted as
    /// ``QueueStatistics/purged``. What became of attempts that were made before, traces tell as long as the log goes
    /// back so far.
    /// - Parameters:
    ///   - receipts: as for ``hasten(_:in:)``.
    ///   - queue: whose messages.
    /// - Returns: those that waited still.
    /// - Throws: ``QueueError/unknownQueue(_:)``.
    @discardableResult
    public func cancel(_ receipts: [ScheduledReceipt], in queue: QueueName) async throws -> [MessageID] {
        try await act(on: receipts, in: queue, .cancelScheduled, by: Self.cancelChosen)
    }

    private func act(
        on receipts: [ScheduledReceipt], in queue: QueueName, _ verb: OperatorAction.Verb, by statement: Statement
    ) async throws -> [MessageID] {
        let someone = Operator.current
        let acted = try await writeLookingAgain(on: database) { session in
            let origin = try receipts.first.flatMap { try self.origin(of: $0, in: session) }
            let entry = try self.catalogue.reread(queue, in: session)
            let own = receipts.filter { $0.queue == entry.id && $0.mark == origin?.mark }
            let done = try session.query(statement, entry.id, own.map(\.ticket), entry.origin.home) { row in
                MessageID(try row[0, as: UUID.self])
            }
            guard !done.isEmpty else { return done }
            let messages = done.map(\.description).joined(separator: " ")
            try self.record(
                Deed(verb, queue, ["messages": messages], by: someone), messages: done.count, in: session)
            self.ring([entry.id], after: session)
            return done
        }
        await flush()
        return acted
    }

    /// Lets all messages of a queue that wait for another attempt be due now, as ``hasten(_:in:)`` does; those that
    /// were sent with a delay and never tried keep it.
    ///
    /// In steps of some thousands, each a transaction of its own. What fails again meanwhile waits for its back-off as
    /// ever.
    /// - Parameters:
    ///   - queue: whose messages.
    ///   - onBegin: told the number of the operator's action once it has begun.
    /// - Returns: how many there were.
    /// - Throws: ``QueueError/unknownQueue(_:)``.
    @discardableResult
    public func hasten(
        retryingIn queue: QueueName, onBegin: (@Sendable (Int64) -> Void)? = nil
    ) async throws -> Int {
        let deed = Deed(.hasten, queue, ["messages": "all that wait for another attempt"])
        let (entry, number) = try await writeLookingAgain(on: database) { session in
            (try self.catalogue.reread(queue, in: session), try self.begin(deed, in: session))
        }
        onBegin?(number)
        let newest = try await database.read(Self.newestScheduled) { try $0[0, as: Int64.self] }.first ?? 0
        let sum = try await repeatedly(number) { session in
            let moved = try session.execute(
                Self.hastenRetrying, entry.id, newest, Self.hastenLimit, entry.origin.home)
            if moved > 0 { self.ring([entry.id], after: session) }
            return moved
        }
        try await database.write { self.goOn(number, messages: 0, isEnd: true, in: $0) }
        await flush()
        return sum
    }

    private static let hastenLimit: Int32 = 5000

    /// By primary key, in its order, so that two who act on the same ones don't wait for each other. Who promotes holds
    /// the row's lock, and then it is gone.
    private static let chosen = """
        SELECT s.ticket FROM mq.scheduled s WHERE s.ticket = ANY ($2::bigint[]) AND s.queue = $1 ORDER BY s.ticket FOR UPDATE
        """
    static let hasten = Statement(
        """
        UPDATE mq.scheduled SET due_at = least(due_at, now()) WHERE ticket IN (\(chosen)) AND mq.is_home($3) RETURNING id
        """)
    static let cancelChosen = Statement(
        """
        WITH gone AS (DELETE FROM mq.scheduled WHERE ticket IN (\(chosen)) AND mq.is_home($3) RETURNING id),
        counted AS (INSERT INTO mq.tallies (queue, kind, change) SELECT $1, 'p', count(*) FROM gone HAVING count(*) > 0)
        SELECT id FROM gone
        """)
    /// By `scheduled_due`. What somebody else moves or changes just now is left to them.
    static let hastenRetrying: Statement = """
        UPDATE mq.scheduled SET due_at = now() WHERE ticket IN (
            SELECT s.ticket FROM mq.scheduled s
            WHERE s.queue = $1 AND s.due_at > now() AND s.attempt > 1 AND s.ticket <= $2
            ORDER BY s.due_at LIMIT $3::int FOR UPDATE SKIP LOCKED) AND mq.is_home($4)
        """
}
