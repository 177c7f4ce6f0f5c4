import Durations
import Postgres

extension Broker {
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
        SELECT now() + make_interval(secs => m.delay), m.queue, m.level, m.attempt, m.id, m.sent_at, m.topic, m.key, m.tag,
            m.headers, m.body
        FROM unnest($1::int[], $2::smallint[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
            $8::jsonb[], $9::bytea[], $10::float8[], $11::smallint[])
            AS m(queue, attempt, id, sent_at, topic, key, tag, headers, body, delay, level)
        """
}
