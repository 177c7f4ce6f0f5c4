import Durations
public import Postgres

extension Broker {
    /// What went wrong with one delivery, and when it should be tried again.
    public struct Retry: Sendable {
        /// The delivery that failed.
        public let message: ReceivedMessage
        /// Until it is delivered again.
        public let delay: Duration
        /// Why it failed, for traces and the history of a dead letter.
        public let error: String

        /// Asks for another try of this delivery.
        ///
        /// - Parameters:
        ///   - message: the delivery that failed.
        ///   - delay: shortened to ``MessageLimits/delay``.
        ///   - error: cut to ``MessageLimits/errorBytes``.
        public init(_ message: ReceivedMessage, after delay: Duration, error: String) {
            self.message = message
            self.delay = delay.withinLimits
            self.error = error.storable(upTo: MessageLimits.errorBytes)
        }
    }

    /// Gives failed messages back, to be delivered again after a delay, each with its attempt counted.
    ///
    /// Guarantee: only the holder of the current lease can do this; otherwise the transaction fails with
    /// ``QueueError/leaseLost(queue:message:)``. In a queue that keeps order, the message's key waits with it.
    public func retry(_ retries: [Retry], in session: borrowing Session) {
        guard !retries.isEmpty else { return }
        finish(retries.map(\.message), as: .retried, errors: retries.map(\.error), in: session)
        let (ordered, free) = retries.partitioned { keepsOrder($0.message) }
        putBack(free.map { Returning($0.message, attempt: $0.message.attempt + 1, delay: $0.delay) }, in: session)
        hold(
            ordered.map {
                HeldMessage($0.message, attempt: $0.message.attempt + 1, delay: $0.delay.inSeconds, error: $0.error)
            }, in: session)
    }

    /// Gives messages back without counting the attempt: at a shutdown, or to look at them again later.
    ///
    /// Guarantee: as with ``retry(_:in:)``.
    /// - Parameters:
    ///   - messages: as they were received.
    ///   - delay: shortened to ``MessageLimits/delay``.
    ///   - session: the caller's transaction.
    public func release(
        _ messages: [ReceivedMessage], after delay: Duration = .zero, in session: borrowing Session
    ) {
        guard !messages.isEmpty else { return }
        let delay = delay.withinLimits
        finish(messages, as: .released, in: session)
        let (ordered, free) = messages.partitioned { keepsOrder($0) }
        putBack(free.map { Returning($0, attempt: $0.attempt, delay: delay) }, in: session)
        hold(ordered.map { HeldMessage($0, attempt: $0.attempt, delay: delay.inSeconds) }, in: session)
    }

    /// As ``retry(_:in:)``, in a transaction of its own.
    public func retry(_ retries: [Retry]) async throws {
        try await writeLookingAgain(on: database) { self.retry(retries, in: $0) }
    }

    /// As ``release(_:after:in:)``, in a transaction of its own.
    public func release(_ messages: [ReceivedMessage], after delay: Duration = .zero) async throws {
        try await writeLookingAgain(on: database) { self.release(messages, after: delay, in: $0) }
    }

    /// A message on its way back to its queue.
    struct Returning: Sendable {
        let receipt: Receipt
        let message: Message
        let attempt: Int
        let delay: Duration
        var queue: Int32 { receipt.queue }

        init(_ received: ReceivedMessage, attempt: Int, delay: Duration = .zero) {
            receipt = received.receipt
            message = received.message
            self.attempt = attempt
            self.delay = delay
        }
    }

    /// By way of the scheduled messages, also when due at once: that is the one path back into the log that never waits.
    func putBack(_ returning: [Returning], in session: borrowing Session) {
        for parcel in returning.parcels(weighing: \.message.weight) { putBack(parcel: parcel, in: session) }
    }

    private func putBack(parcel returning: [Returning], in session: borrowing Session) {
        let headers = returning.map { try? Payloads.encode(headers: $0.message.headers) }
        session.pipeline(
            Self.scheduleAgain, returning.map(\.queue), returning.map { Int16(clamping: $0.attempt) },
            returning.map(\.message.id.uuid), returning.map(\.message.sentAt), returning.map(\.message.topic),
            returning.map(\.message.key), returning.map(\.message.tag), headers,
            returning.map { Bytes($0.message.body) }, returning.map(\.delay.inSeconds),
            returning.map { level(of: $0.receipt) })
        ring(Array(Set(returning.filter { $0.delay < Doorbell.horizon }.map(\.queue))), after: session)
    }

    /// The level of what stood there.
    func level(of receipt: Receipt) -> Int16 { catalogue.known(receipt.queue)?.level(of: receipt) ?? 0 }

    static let scheduleAgain: Statement = """
        INSERT INTO mq.scheduled (due_at, queue, level, attempt, id, sent_at, topic, key, tag, headers, body)
        SELECT now() + make_interval(secs => m.delay), m.queue, m.level, m.attempt, m.id, m.sent_at, m.topic, m.key, m.tag, m.headers, m.body
        FROM unnest($1::int[], $2::smallint[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
            $8::jsonb[], $9::bytea[], $10::float8[], $11::smallint[])
            AS m(queue, attempt, id, sent_at, topic, key, tag, headers, body, delay, level)
        """
}
