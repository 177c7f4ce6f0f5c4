import Foundation
public import MessageQueue
import Postgres

/// A database in which much has happened: filled by a few statements of the server's own, as if it had gone through the queues in
/// the last three days.
public struct StoredLog: Sendable {
    public let messages: Int
    public let queues: Int
    public let letters: Int

    public init(messages: Int, queues: Int, letters: Int) {
        (self.messages, self.queues, self.letters) = (messages, queues, letters)
    }

    /// The queue that half of all went through.
    public static let busiest = QueueName("queue-1")
    public static let topic = TopicName("topic-1")
    private static let lanes = 8
    private static let claim = 100

    public func fill(_ broker: Broker, say: @Sendable (String) async -> Void) async throws {
        for number in 1...queues {
            try await broker.declare(queue: QueueName("queue-\(number)"), QueueSettings(lanes: Self.lanes))
        }
        for number in 1...10 {
            let topic = TopicName("topic-\(number)")
            try await broker.declare(topic: topic)
            try await broker.subscribe(QueueName("queue-\(number)"), to: topic)
        }
        let database = broker.database
        for number in 1...queues {
            let count = share(of: number) / Self.lanes / Self.claim * Self.claim
            if number <= 2 || number.isMultiple(of: 100) { await say("storing: queue \(number) of \(queues)") }
            guard count > 0 else { continue }
            let (queue, places) = ("queue-\(number)", Int64(count))
            // All but the newest tenth is claimed, and all but the last of these claims is done.
            let claimed = Int64(max(Self.claim, count * 9 / 10 / Self.claim * Self.claim))
            try await database.execute(Self.store, queue, places, "topic-\(number)", Int32(Self.lanes))
            try await database.execute(Self.take, queue, places, claimed, Int64(Self.claim), Int32(Self.lanes))
            try await database.execute(
                Self.finish, queue, places, claimed - Int64(Self.claim), Int32(Self.lanes))
        }
        await say("\(letters) letters die")
        try await database.execute(Self.die, Int64(letters), Int32(queues))
        try await database.execute(Self.count)
    }

    /// Half of all to the first, a fifth to ten others, the rest to all.
    private func share(of number: Int) -> Int {
        switch number {
        case 1: messages / 2
        case 2...11: messages / 50
        default: messages * 3 / 10 / max(1, queues - 11)
        }
    }

    private static let time = "now() - ($2 - n) * (interval '3 days' / $2::float8)"
    private static let store = Statement(
        """
        INSERT INTO mq.messages (seq, queue, lane, attempt, id, sent_at, appended_at, topic, key, tag, body)
        SELECT (1::bigint << 40) + n, q.id, lane, 1, gen_random_uuid(), \(time), \(time), $3,
            'order-' || q.id || '-' || (n * $4 + lane) / 4, 'tag-' || n % 7,
            convert_to('{"order": ' || n || ', "sku": "RUNNER-42-TAN"}', 'UTF8')
        FROM mq.queues q, generate_series(0, $4::int - 1) AS lane, generate_series(1, $2::bigint) AS n WHERE q.name = $1
        """)
    private static let take = Statement(
        """
        INSERT INTO mq.claims (first_seq, last_seq, queue, lane, places, consumer, claimed_at, watermark, lease_until)
        SELECT (1::bigint << 40) + n - $4 + 1, (1::bigint << 40) + n, q.id, lane, $4, 0, \(time), (1::bigint << 40) + n - $4, 'infinity'
        FROM mq.queues q, generate_series(0, $5::int - 1) AS lane, generate_series($4::bigint, $3::bigint, $4::bigint) AS n
        WHERE q.name = $1
        """)
    private static let finish = Statement(
        """
        INSERT INTO mq.completions (seq, queue, lane, outcome, finished_at, error)
        SELECT (1::bigint << 40) + n, q.id, lane, CASE WHEN n % 200 = 0 THEN 'r'::"char" ELSE 'd'::"char" END, \(time),
            CASE WHEN n % 200 = 0 THEN 'timeout after 5 s at carrier ' || n % 3 END
        FROM mq.queues q, generate_series(0, $4::int - 1) AS lane, generate_series(1, $3::bigint) AS n WHERE q.name = $1
        """)
    private static let die = Statement(
        """
        INSERT INTO mq.dead_letters (queue, level, attempts, id, sent_at, died_at, topic, key, reason, error, body)
        SELECT q.id, 0, 12, gen_random_uuid(), now(), now() - ($1 - n) * interval '1 second', NULL, 'order-' || n, 'reason-' || n % 5,
            'the carrier said no, and that ' || n % 50, '{}'::bytea
        FROM generate_series(1, $1::bigint) AS n JOIN mq.queues q ON q.name = 'queue-' || 1 + (n % least($2::int, 20))
        """)
    private static let count = Statement(
        "INSERT INTO mq.tallies (queue, kind, change) SELECT queue, 'f', count(*) FROM mq.dead_letters GROUP BY queue")
}
