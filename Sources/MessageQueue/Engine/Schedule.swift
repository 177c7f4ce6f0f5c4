import Durations
public import Foundation
public import Postgres

/// A message that waits until it is due.
public struct ScheduledMessage: Sendable, Equatable {
    /// The message.
    public let id: MessageID
    /// What it can be cancelled with, or made due at another time, until then.
    public let receipt: ScheduledReceipt
    /// When it is put into its queue, by the database's clock.
    public let dueAt: Date
}

extension Broker {
    /// Stores messages in a queue as ``send(_:to:in:)-(_,Queue<P>,_)`` does, and answers those of them that have to wait, in their order.
    ///
    /// For whoever may want to ``cancel(scheduled:)`` or ``reschedule(_:to:)`` them. Costs a round trip when there are any.
    /// - Throws: as that.
    public func schedule<P>(
        _ messages: [Outgoing<P>], to queue: Queue<P>, in session: borrowing Session
    ) throws -> [ScheduledMessage] {
        let entry = try catalogue.queue(queue.name, in: session)
        let packed = try messages.map { try Packed($0) }
        var scheduled: [ScheduledMessage] = []
        for parcel in packed.parcels(weighing: \.weight) {
            let (due, delayed) = try split(parcel, for: entry)
            append(due: due, to: entry, in: session)
            scheduled += try schedule(delayed, in: entry, session)
        }
        return scheduled
    }

    /// As ``schedule(_:to:in:)``, in a transaction of its own.
    public func schedule<P>(_ messages: [Outgoing<P>], to queue: Queue<P>) async throws -> [ScheduledMessage] {
        try await writeLookingAgain(on: database) { try self.schedule(messages, to: queue, in: $0) }
    }

    private func schedule(
        _ delayed: [Packed], in entry: Catalogue.Entry, _ session: borrowing Session
    ) throws -> [ScheduledMessage] {
        ring([entry.id], after: session)
        guard !delayed.isEmpty else { return [] }
        let rows = try session.query(
            Self.scheduleNew, entry.id, delayed.map(\.id.uuid), delayed.map(\.key), delayed.map(\.tag),
            delayed.map(\.headers), delayed.map(\.body), delayed.map { entry.delay(of: $0).inSeconds },
            delayed.map { entry.level(of: $0.priority) }
        ) { row in
            ScheduledMessage(
                id: MessageID(try row[1]),
                receipt: ScheduledReceipt(queue: entry.id, ticket: try row[0], mark: entry.origin.mark),
                dueAt: try row[2])
        }
        let byID = Dictionary(rows.map { ($0.id, $0) }) { first, _ in first }
        return delayed.compactMap { byID[$0.id] }
    }

    /// Takes back a message that waits until it is due: it is never delivered, and leaves no trace.
    ///
    /// Guarantee: of this and the delivery one happens.
    /// - Returns: false when it does not wait any more, or has another receipt by now.
    public func cancel(scheduled receipt: ScheduledReceipt) async throws -> Bool {
        try await writeLookingAgain(on: database) { session in
            guard let origin = try self.origin(of: receipt, in: session) else { return false }
            return try session.execute(Self.cancelScheduled, receipt.queue, receipt.ticket, origin.home) == 1
        }
    }

    /// Lets a message that waits until it is due be due so long from now, sooner or later than it would have been.
    ///
    /// Guarantee: only the newest receipt can do this, and with it that receipt is used up: the answer has the next one.
    /// - Parameters:
    ///   - receipt: of a message that waits.
    ///   - delay: from nothing, which is at once, to ``MessageLimits/delay``.
    /// - Returns: nil when it does not wait any more, or has another receipt by now.
    /// - Throws: ``QueueError/beyondLimit(_:)``.
    public func reschedule(_ receipt: ScheduledReceipt, to delay: Duration) async throws -> ScheduledMessage? {
        try MessageLimits.check(.delay, delay)
        return try await writeLookingAgain(on: database) { session in
            guard let origin = try self.origin(of: receipt, in: session) else { return nil }
            let moved = try session.query(
                Self.reschedule, receipt.queue, receipt.ticket, origin.home, delay.withinLimits.inSeconds
            ) { row in
                ScheduledMessage(
                    id: MessageID(try row[1]),
                    receipt: ScheduledReceipt(queue: receipt.queue, ticket: try row[0], mark: origin.mark),
                    dueAt: try row[2])
            }
            if !moved.isEmpty, delay < Doorbell.horizon { self.ring([receipt.queue], after: session) }
            return moved.first
        }
    }

    /// Nil when the receipt is from elsewhere.
    func origin(of receipt: ScheduledReceipt, in session: borrowing Session) throws -> Origin? {
        if try catalogue.origin(of: session).mark != receipt.mark {
            // This connection may be the one that has not noticed.
            session.unlearn()
        }
        let origin = try catalogue.origin(of: session)
        return origin.mark == receipt.mark ? origin : nil
    }

    /// By primary key. Who promotes holds the row's lock, and then it is gone.
    static let cancelScheduled: Statement = """
        DELETE FROM mq.scheduled WHERE ticket = $2 AND queue = $1 AND mq.is_home($3)
        """
    /// Another row, and so another ticket: the receipt from before finds nothing.
    static let reschedule: Statement = """
        WITH moved AS (DELETE FROM mq.scheduled WHERE ticket = $2 AND queue = $1 AND mq.is_home($3) RETURNING *)
        INSERT INTO mq.scheduled (due_at, queue, level, attempt, id, sent_at, topic, key, tag, headers, body)
        SELECT now() + make_interval(secs => $4), queue, level, attempt, id, sent_at, topic, key, tag, headers, body FROM moved
        RETURNING ticket, id, due_at
        """
}
