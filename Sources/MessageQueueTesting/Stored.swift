import Foundation
import MessageQueue
import Postgres

/// A message wherever it stands, not yet decoded.
struct StoredMessage: Sendable {
    let key: DelayMemory.Key
    let queue: QueueName
    let message: Message
    let attempt: Int
    let state: String
    let delay: Duration?

    func decoded<P>() throws -> SentMessage<P> {
        let payload: P
        do { payload = try Payloads.decode(P.self, from: message.body) } catch {
            throw TestError.unreadable(queue, message.id, error: "\(error)")
        }
        return SentMessage(
            id: message.id, queue: queue, topic: message.topic.map { TopicName($0) }, payload: payload,
            key: message.key, tag: message.tag, headers: message.headers, delay: delay, attempt: attempt,
            state: SentMessage<P>.State(rawValue: state) ?? .waiting, sentAt: message.sentAt)
    }
}

extension TestBroker {
    /// Each message once per sending, in the order of sending.
    func stored(in queue: QueueName?, by topic: TopicName?, since mark: Mark?) async throws -> [StoredMessage] {
        let all = try await database.query(Self.stored, queue?.text, topic?.text) { [delays] row in
            let key = DelayMemory.Key(queue: try row[0], message: MessageID(try row[5]))
            let known = try row[4, as: Int?.self].map { Duration.microseconds($0) }
            return StoredMessage(
                key: key, queue: QueueName(try row[1]), message: try Message(row, from: 5), attempt: try row[2],
                state: try row[3], delay: known ?? delays[key])
        }
        var old = mark?.counts ?? [:]
        return all.filter { message in
            guard let count = old[message.key], count > 0 else { return true }
            old[message.key] = count - 1
            return false
        }
    }

    /// An attempt that was retried, released, held or expired has a successor, and one that is dead a letter: those stand for the
    /// message. Its first attempt tells when it entered the log: with its sending, or later, when it had been delayed.
    private static let stored: Statement = """
        WITH stand AS (
            SELECT m.queue, m.attempt, CASE WHEN d.seq IS NOT NULL THEN 'done' WHEN EXISTS (
                    SELECT FROM mq.claims c WHERE c.queue = m.queue AND c.lane = m.lane AND m.seq BETWEEN c.first_seq AND c.last_seq)
                THEN 'inFlight' ELSE 'waiting' END AS state,
                m.id, m.sent_at, m.topic, m.key, m.tag, m.headers, m.body, NULL::timestamptz AS due_at, m.seq AS place
            FROM mq.messages m LEFT JOIN mq.completions d ON (d.queue, d.lane, d.seq) = (m.queue, m.lane, m.seq)
            WHERE coalesce(d.outcome, 'd') = 'd'
            UNION ALL
            SELECT queue, attempt, 'scheduled', id, sent_at, topic, key, tag, headers, body, due_at, ticket FROM mq.scheduled
            UNION ALL
            SELECT queue, attempt, 'held', id, sent_at, topic, key, tag, headers, body, NULL, rank FROM mq.held
            UNION ALL
            SELECT queue, attempts, 'dead', id, sent_at, topic, key, tag, headers, body, NULL, ticket FROM mq.dead_letters)
        SELECT s.queue, q.name, s.attempt, s.state,
            CASE WHEN first.appended_at = s.sent_at THEN 0
                 WHEN first.appended_at IS NULL THEN (extract(epoch FROM s.due_at - s.sent_at) * 1000000)::bigint END,
            s.id, s.sent_at, s.topic, s.key, s.tag, s.headers, s.body
        FROM stand s JOIN mq.queues q ON q.id = s.queue LEFT JOIN LATERAL (
            SELECT m.appended_at, m.seq FROM mq.messages m WHERE m.id = s.id AND m.queue = s.queue
            ORDER BY m.appended_at, m.seq LIMIT 1) AS first ON true
        WHERE ($1::text IS NULL OR q.name = $1) AND ($2::text IS NULL OR s.topic = $2)
        ORDER BY s.sent_at, first.appended_at, first.seq, s.due_at, s.place
        """
}
