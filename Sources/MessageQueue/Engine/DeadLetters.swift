import Foundation
import Postgres

extension Broker {
    /// Dead letters, the oldest first.
    ///
    /// - Parameters:
    ///   - filter: which letters; all of them unless given.
    ///   - ticket: those after this one: the last of the page before.
    ///   - limit: the most that are told.
    public func deadLetters(
        _ filter: DeadLetterFilter = .init(), after ticket: Int64 = 0, limit: Int = 100
    ) async throws -> [DeadLetter] {
        try QueueError.demand(limit: limit)
        return try await database.query(
            Self.listDead, filter.queue?.text, filter.reason, filter.age, filter.message?.uuid,
            filter.key, filter.error, filter.tickets, filter.through, Int64(limit), ticket
        ) { row in
            DeadLetter(
                ticket: try row[0], queue: QueueName(try row[1]), message: try Message(row, from: 7),
                attempts: try row[2],
                reason: try row[3], error: try row[4], diedAt: try row[5], history: try row[6, as: JSON?.self]?.text)
        }
    }

    /// The same without what they say: for lists, since bodies may be of many megabytes.
    ///
    /// - Parameters:
    ///   - filter: which letters; all of them unless given.
    ///   - ticket: those after this one: the last of the page before.
    ///   - limit: the most that are told.
    public func deadLetterHeads(
        _ filter: DeadLetterFilter = .init(), after ticket: Int64 = 0, limit: Int = 100
    ) async throws -> [DeadLetterHead] {
        try QueueError.demand(limit: limit)
        return try await database.read(
            Self.listDeadHeads, filter.queue?.text, filter.reason, filter.age, filter.message?.uuid, filter.key,
            filter.error, filter.tickets, filter.through, Int64(limit), ticket
        ) { row in
            DeadLetterHead(
                ticket: try row[0], queue: QueueName(try row[1]), message: MessageID(try row[2]), key: try row[3],
                attempts: try row[4], reason: try row[5], error: try row[6], diedAt: try row[7])
        }
    }

    /// How many dead letters there are that a redrive or purge would mean now.
    public func deadLetterCount(_ filter: DeadLetterFilter = .init()) async throws -> Int {
        try await deadLetterMatch(filter).count
    }

    /// The same with the last of them, so that a redrive or purge can be held to what was counted.
    public func deadLetterMatch(_ filter: DeadLetterFilter = .init()) async throws -> DeadLetterMatch {
        let matches = try await database.read(
            Self.countDead, filter.queue?.text, filter.reason, filter.age, filter.message?.uuid, filter.key,
            filter.error, filter.tickets, filter.through
        ) { row in DeadLetterMatch(count: try row[0], lastTicket: try row[1]) }
        return matches.first ?? DeadLetterMatch(count: 0, lastTicket: nil)
    }

    /// Which a filter means.
    static let matchingDead = """
        FROM mq.dead_letters d JOIN mq.queues q ON q.id = d.queue
        WHERE ($1::text IS NULL OR q.name = $1) AND ($2::text IS NULL OR d.reason = $2)
          AND ($3::float8 IS NULL OR d.died_at < now() - make_interval(secs => $3))
          AND ($4::uuid IS NULL OR d.id = $4) AND ($5::text IS NULL OR d.key = $5)
          AND ($6::text IS NULL OR strpos(lower(d.error), lower($6)) > 0)
          AND ($7::bigint[] IS NULL OR d.ticket = ANY ($7)) AND ($8::bigint IS NULL OR d.ticket <= $8)
        """
    static let listDead = Statement(
        """
        SELECT d.ticket, q.name, d.attempts, d.reason, d.error, d.died_at, d.history, d.id, d.sent_at, d.topic, d.key, d.tag,
            d.headers, d.body \(matchingDead) AND d.ticket > $10 ORDER BY d.ticket LIMIT $9
        """)
    static let listDeadHeads = Statement(
        """
        SELECT d.ticket, q.name, d.id, d.key, d.attempts, d.reason, d.error, d.died_at
        \(matchingDead) AND d.ticket > $10 ORDER BY d.ticket LIMIT $9
        """)
    static let countDead = Statement("SELECT count(*), max(d.ticket) \(matchingDead)")
}
