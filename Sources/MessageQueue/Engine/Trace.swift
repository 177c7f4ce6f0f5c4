public import Foundation
import Postgres

/// One attempt of a message, or its present stand outside of the log.
public struct TraceEntry: Sendable, Codable {
    /// The queue that the attempt was made in.
    public let queue: QueueName
    /// The message, the same over all of its attempts.
    public let message: MessageID
    /// The topic that it was published to, if it was.
    public let topic: TopicName?
    /// What the message is about, as its sender said.
    public let key: String?
    /// What subscriptions filtered it by.
    public let tag: String?
    /// 1 for the first delivery.
    public let attempt: Int
    /// When the message was sent, the same over all of its attempts; by the database's clock, as all of these times.
    public let sentAt: Date
    /// When the attempt was added to the queue, or, where it stands outside of the log, is due.
    public let appendedAt: Date
    /// When a consumer took it; nil while it waits.
    public let claimedAt: Date?
    /// `name/version host pid` of the consumer.
    public let worker: String?
    /// When it was finished; nil before.
    public let finishedAt: Date?
    /// What became of it.
    public let outcome: Outcome
    /// Why it failed; nil when it did not.
    public let error: String?

    /// What became of an attempt, or where a message stands outside of the log.
    public enum Outcome: String, Sendable, Codable {
        /// Nobody has taken it yet.
        case waiting
        /// A consumer has it.
        case inFlight = "in flight"
        /// Handled, its effects committed.
        case done
        /// Failed, and put back to be tried again.
        case retried
        /// Its consumer was lost or let the lease end.
        case expired
        /// Failed for good: it became a dead letter.
        case dead
        /// Given back, the attempt not counted.
        case released
        /// Held back behind another message of its key, or because it failed itself, in a queue that keeps order.
        case held
        /// Older than its queue keeps messages, and dropped.
        case outdated
        /// Deleted by an operator before anybody took it.
        case purged
        /// Stands among the scheduled messages now.
        case scheduled
        /// Stands behind a blocked key now.
        case heldBack = "held back"
        /// Is a dead letter now.
        case deadLetter = "dead letter"
    }
}

extension Broker {
    /// Every attempt of every message with this id or this key, in the order of their times, as far as the retention
    /// reaches. Found along indexes that have the newest first; costs what is told, however much there is of the key.
    ///
    /// - Parameters:
    ///   - text: the id of a message, in any spelling that ``MessageID/init(_:)-(String)`` reads, or a key as it was sent. What could
    ///     be an id, and is no key as it stands, is looked for as a key in the spelling that ids have here.
    ///   - limit: the most of each kind, of attempts and of what stands outside of the log: the newest ones. 1 or more.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func trace(_ text: String, limit: Int = 10_000) async throws -> [TraceEntry] {
        try QueueError.demand(limit: limit)
        let id = MessageID(text)
        let found = try await trace(id, key: text, limit)
        guard let id, "\(id)" != text, !found.contains(where: { $0.key == text }) else { return found }
        return try await trace(id, key: "\(id)", limit)
    }

    private func trace(_ id: MessageID?, key: String, _ limit: Int) async throws -> [TraceEntry] {
        try await database.read(Self.trace, id?.uuid, key, Int64(limit)) { try TraceEntry($0) }
    }

    static let trace = Statement(
        """
        SELECT q.name, e.id, e.topic, e.key, e.tag, e.attempt, e.sent_at, e.appended_at, e.claimed_at, e.worker, e.finished_at,
            e.outcome, e.error
        FROM (
            SELECT m.queue, \(attemptColumns)
            FROM (\(newest("lane, seq, attempt, appended_at", of: "messages", by: "appended_at"))) AS m \(attemptJoins)
            UNION ALL
            SELECT f.queue, f.id, f.topic, f.key, f.tag, f.attempt, f.sent_at, f.due_at, NULL, NULL, NULL, 'scheduled', NULL
            FROM (\(newest("attempt, due_at", of: "scheduled", by: "due_at"))) AS f
            UNION ALL
            SELECT h.queue, h.id, h.topic, h.key, h.tag, h.attempt, h.sent_at, b.since, NULL, NULL, NULL, 'held back', b.error
            FROM (\(newest("attempt, rank", of: "held", by: "rank"))) AS h
            JOIN mq.blocked_keys b ON b.queue = h.queue AND b.key = h.key
            UNION ALL
            SELECT l.queue, l.id, l.topic, l.key, l.tag, l.attempts, l.sent_at, l.died_at, NULL, NULL, NULL, 'dead letter',
                l.reason || coalesce(': ' || l.error, '')
            FROM (\(newest("attempts, died_at, reason, error", of: "dead_letters", by: "died_at"))) AS l) AS e
        JOIN mq.queues q ON q.id = e.queue
        ORDER BY e.appended_at, e.attempt, e.id, q.name
        """)
    /// The newest rows of a table that have the id or the key. Each way walks an index of its own, and ends with as many as are told: with
    /// one condition for both, all of a key would be gathered and sorted.
    private static func newest(_ columns: String, of table: String, by order: String) -> String {
        let rows = "SELECT queue, id, topic, key, tag, sent_at, \(columns) FROM mq.\(table)"
        return """
            (\(rows) WHERE id = $1 ORDER BY \(order) DESC LIMIT $3)
            UNION ALL (\(rows) WHERE key = $2 AND id IS DISTINCT FROM $1 ORDER BY \(order) DESC LIMIT $3)
            ORDER BY \(order) DESC LIMIT $3
            """
    }

    /// What is told of an attempt `m` in the log: beside its queue, what ``TraceEntry`` reads.
    static let attemptColumns = """
        m.id, m.topic, m.key, m.tag, m.attempt, m.sent_at, m.appended_at, c.claimed_at,
        w.name || '/' || w.version || ' ' || w.host || ' ' || w.pid AS worker, d.finished_at,
        coalesce(\(outcomeName("d.outcome")), CASE WHEN c.consumer IS NOT NULL THEN 'in flight' ELSE 'waiting' END) AS outcome,
        d.error
        """
    /// What the letter is called by which completions hold an outcome; NULL for none.
    static func outcomeName(_ letter: String) -> String {
        """
        CASE \(letter) WHEN 'd' THEN 'done' WHEN 'r' THEN 'retried' WHEN 'x' THEN 'expired' WHEN 'f' THEN 'dead'
            WHEN 'b' THEN 'released' WHEN 'h' THEN 'held' WHEN 'o' THEN 'outdated' WHEN 'p' THEN 'purged' END
        """
    }
    /// Its claim, consumer and completion, each found by primary key, one by one: a join would be free to walk all of them.
    static let attemptJoins = """
        LEFT JOIN LATERAL (
            SELECT c.* FROM mq.claims c WHERE c.queue = m.queue AND c.lane = m.lane AND c.last_seq >= m.seq
            ORDER BY c.last_seq LIMIT 1) AS c ON c.first_seq <= m.seq
        LEFT JOIN mq.consumers w ON w.id = c.consumer
        LEFT JOIN LATERAL (
            SELECT d.* FROM mq.completions d WHERE d.queue = m.queue AND d.lane = m.lane AND d.seq = m.seq LIMIT 1) AS d ON true
        """
}

extension TraceEntry {
    /// Reads the queue's name and then ``Broker/attemptColumns``, from column `first` on.
    init(_ row: borrowing Row, from first: Int = 0) throws {
        self.init(
            queue: QueueName(try row[first]), message: MessageID(try row[first + 1]),
            topic: try row[first + 2, as: String?.self].map { TopicName($0) }, key: try row[first + 3],
            tag: try row[first + 4], attempt: try row[first + 5], sentAt: try row[first + 6],
            appendedAt: try row[first + 7], claimedAt: try row[first + 8], worker: try row[first + 9],
            finishedAt: try row[first + 10], outcome: try .init(row[first + 11]), error: try row[first + 12])
    }
}

extension TraceEntry.Outcome: CustomStringConvertible {
    fileprivate init(_ text: String) throws {
        guard let outcome = Self(rawValue: text) else { throw PostgresError(.decoding, "\(text) is no outcome") }
        self = outcome
    }

    public var description: String { rawValue }
}
