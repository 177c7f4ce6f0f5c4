import Postgres

extension Broker {
    /// The letters themselves, after the completions: the history includes the last attempt.
    func bury(_ rejections: [Rejection], in session: borrowing Session) {
        guard !rejections.isEmpty else { return }
        pass(rejections.map(\.message), in: session)
        for parcel in rejections.parcels(weighing: \.message.message.weight) { bury(parcel: parcel, in: session) }
    }

    private func bury(parcel rejections: [Rejection], in session: borrowing Session) {
        let messages = rejections.map(\.message.message)
        session.pipeline(
            Self.bury, rejections.map(\.message.receipt.queue), rejections.map { Int16(clamping: $0.message.attempt) },
            messages.map(\.id.uuid), messages.map(\.sentAt), messages.map(\.topic), messages.map(\.key),
            messages.map(\.tag), messages.map { try? Payloads.encode(headers: $0.headers) },
            messages.map { Bytes($0.body) }, rejections.map(\.reason), rejections.map(\.error),
            rejections.map { level(of: $0.message.receipt) })
    }

    /// Blocks the keys of messages that failed for good, until an operator acts.
    func block(_ rejections: [Rejection], in session: borrowing Session) {
        hold(
            rejections.map {
                HeldMessage(
                    $0.message, attempt: $0.message.attempt, delay: Self.untilAnOperatorActs, error: $0.reasonAndError)
            }, in: session)
    }

    static let bury = Statement(
        """
        INSERT INTO mq.dead_letters (queue, level, attempts, id, sent_at, topic, key, tag, headers, body, reason, error, history)
        SELECT d.queue, d.level, d.attempts, d.id, d.sent_at, d.topic, d.key, d.tag, d.headers, d.body, d.reason, d.error,
            \(history(of: "d"))
        FROM unnest($1::int[], $2::smallint[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
            $8::jsonb[], $9::bytea[], $10::text[], $11::text[], $12::smallint[])
            AS d(queue, attempts, id, sent_at, topic, key, tag, headers, body, reason, error, level)
        """)

    /// What became of the last attempts, found by the id index of the messages and the primary key of the completions.
    ///
    /// Bounded, in their number and in what each says: a document of more than 256 MB could not be stored.
    static func history(of row: String) -> String {
        """
        (SELECT jsonb_agg(jsonb_build_object('attempt', a.attempt, 'outcome', a.outcome, 'at', a.finished_at, 'error', a.error)
                          ORDER BY a.appended_at, a.seq)
         FROM (SELECT m.attempt, m.appended_at, m.seq, c.outcome, c.finished_at, left(c.error, \(MessageLimits.errorBytes)) AS error
               FROM mq.messages m LEFT JOIN mq.completions c ON (c.queue, c.lane, c.seq) = (m.queue, m.lane, m.seq)
               WHERE m.id = \(row).id AND m.queue + 0 = \(row).queue
               ORDER BY m.appended_at DESC, m.seq DESC LIMIT \(MessageLimits.historyAttempts)) AS a)
        """
    }
}
