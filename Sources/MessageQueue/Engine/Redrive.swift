import Durations
import Foundation
import Logging
import Postgres

/// What a redrive or purge did: moved + skipped + failed = matched.
public struct RedriveReport: Sendable, Equatable {
    /// Those that the filter chose when the call began.
    public var matched = 0
    /// Those that were sent back, or deleted.
    public var moved = 0
    /// Gone before their turn came: somebody else redrove or purged them.
    public var skipped = 0
    /// Found no free lane in time, were refused by the server, or an operator stopped it before; they are dead letters still.
    public var failed = 0

    /// A report of nothing yet.
    public init() {}

    fileprivate mutating func count(_ all: Int, moved: Int, left: Int) {
        self.moved += moved
        failed += left
        skipped += all - moved - left
    }
}

extension Broker {
    /// Dead letters, the oldest first.
    ///
    /// - Parameters:
    ///   - filter: which letters; all of them unless given.
    ///   - ticket: those after this one: the last of the page before.
    ///   - limit: the most that are told, 1 or more.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func deadLetters(
        _ filter: DeadLetterFilter = .init(), after ticket: Int64 = 0, limit: Int = 100
    ) async throws -> [DeadLetter] {
        try QueueError.demand(limit: limit)
        return try await database.query(
            Self.listDead, filter.queue?.text, filter.reason, filter.age, filter.message?.uuid,
            filter.key, filter.error, filter.tickets, Int64(limit), ticket
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
    ///   - limit: the most that are told, 1 or more.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func deadLetterHeads(
        _ filter: DeadLetterFilter = .init(), after ticket: Int64 = 0, limit: Int = 100
    ) async throws -> [DeadLetterHead] {
        try QueueError.demand(limit: limit)
        return try await database.read(
            Self.listDeadHeads, filter.queue?.text, filter.reason, filter.age, filter.message?.uuid, filter.key,
            filter.error, filter.tickets, Int64(limit), ticket
        ) { row in
            DeadLetterHead(
                ticket: try row[0], queue: QueueName(try row[1]), message: MessageID(try row[2]), key: try row[3],
                attempts: try row[4], reason: try row[5], error: try row[6], diedAt: try row[7])
        }
    }

    /// How many dead letters there are that a redrive or purge would mean now.
    public func deadLetterCount(_ filter: DeadLetterFilter = .init()) async throws -> Int {
        let counts = try await database.read(
            Self.countDead, filter.queue?.text, filter.reason, filter.age, filter.message?.uuid, filter.key,
            filter.error, filter.tickets
        ) { row in try row[0, as: Int.self] }
        return counts.first ?? 0
    }

    /// Sends dead letters back to their queues, as fresh messages with the same ids.
    ///
    /// Guarantee: each matching letter is moved exactly once or stays; moved + skipped + failed = matched. Letters that die
    /// after the call began are not part of it. In a queue that keeps order they come after what was sent meanwhile.
    ///
    /// While it goes on, any process may pause, resume, slow or stop it, see ``pause(action:)`` and ``limit(action:to:)``; what became of each letter tells
    /// ``redriven(by:after:limit:)``.
    /// - Parameters:
    ///   - filter: which letters; all of them unless given.
    ///   - rate: messages per second at the most, from one a day to a billion; nil as fast as it goes.
    ///   - onBegin: told the number of the action once the first step is committed.
    /// - Throws: ``QueueError/invalidArgument(_:)`` for a rate outside of that.
    public func redrive(
        _ filter: DeadLetterFilter = .init(), rate: Double? = nil, onBegin: (@Sendable (Int64) -> Void)? = nil
    ) async throws -> RedriveReport {
        if let rate { try QueueLimits.check(rate: rate, or: QueueError.invalidArgument) }
        let deed = Deed(.redrive, filter.queue, filter.detail.merging(["rate": rate.map { "\($0)" }]) { $1 })
        return try await walk(filter, rate: rate, deed, onBegin) { tickets, action, session in
            let entries = try session.query(Self.queuesOf, tickets) { row in try row[0, as: Int32.self] }
            var moved = 0
            for queue in entries { moved += try session.execute(Self.redrive, queue, tickets, action) }
            self.ring(entries, after: session)
            return moved
        }
    }

    /// Deletes dead letters for ever. Guarantee: as with ``redrive(_:rate:onBegin:)``; each one is counted as purged.
    public func purge(
        _ filter: DeadLetterFilter = .init(), onBegin: (@Sendable (Int64) -> Void)? = nil
    ) async throws -> RedriveReport {
        try await walk(filter, rate: nil, Deed(.purge, filter.queue, filter.detail), onBegin) { tickets, _, session in
            try session.execute(Self.purge, tickets)
        }
    }

    private func walk(
        _ filter: DeadLetterFilter, rate: Double?, _ deed: Deed, _ onBegin: (@Sendable (Int64) -> Void)?,
        _ act: @escaping @Sendable ([Int64], Int64, borrowing Session) throws -> Int
    ) async throws -> RedriveReport {
        let (origin, tickets) = try await match(filter)
        var action: Int64?
        var report = RedriveReport()
        report.matched = tickets.count
        var (rate, start) = (rate, 0)
        while start < tickets.count {
            let batch = Array(tickets[start...].prefix(Int(max(1, min(500, (rate ?? .infinity) / 5)))))
            start += batch.count
            let isEnd = start == tickets.count
            var parts = [batch]
            while let part = parts.popLast() {
                let portion = Portion(
                    tickets: part, matched: tickets.count, isEnd: isEnd && parts.isEmpty, action: action, rate: rate)
                let done: Portion.Outcome
                do { done = try await carryOut(portion, from: origin, deed, act) } catch let error as PostgresError
                    where error.refusesData
                {
                    if part.count > 1 {
                        parts += [Array(part[(part.count / 2)...]), Array(part[..<(part.count / 2)])]
                        continue
                    }
                    logger.info("a dead letter stays", metadata: ["ticket": "\(part)", "error": "\(error)"])
                    done = try await carryOut(portion, from: origin, deed) { _, _, _ in 0 }
                }
                if action == nil { onBegin?(done.action) }
                action = done.action
                report.count(part.count, moved: done.moved, left: done.left)
            }
            await flush()
            guard !isEnd, let action else { break }
            guard case .goOn(let wanted) = try await wish(after: batch.count, at: rate, in: action) else {
                report.failed += tickets.count - start
                break
            }
            rate = wanted
        }
        return report
    }

    /// What is done at once of an action, which begins with its first portion.
    private struct Portion: Sendable {
        let tickets: [Int64]
        /// How many the whole action is about.
        let matched: Int
        let isEnd: Bool
        let action: Int64?
        let rate: Double?

        struct Outcome: Sendable {
            let moved: Int
            /// Dead letters still.
            let left: Int
            let action: Int64
        }
    }

    /// In one transaction with how far the action has come.
    private func carryOut(
        _ portion: Portion, from origin: Origin, _ deed: Deed,
        _ act: @escaping @Sendable ([Int64], Int64, borrowing Session) throws -> Int
    ) async throws -> Portion.Outcome {
        try await database.write { session in
            // Elsewhere the same tickets are other letters.
            try self.catalogue.stay(at: origin, in: session)
            let action =
                try portion.action ?? self.begin(deed, matched: portion.matched, rate: portion.rate, in: session)
            let moved = try act(portion.tickets, action, session)
            let left = try session.query(Self.stillDead, portion.tickets) { row in try row[0, as: Int.self] }.first ?? 0
            self.goOn(action, messages: moved, isEnd: portion.isEnd, in: session)
            return Portion.Outcome(moved: moved, left: left, action: action)
        }
    }

    private func match(_ filter: DeadLetterFilter) async throws -> (Origin, [Int64]) {
        try await database.perform(isTransaction: false, within: nil) { session in
            let origin = try self.catalogue.origin(of: session)
            let tickets = try session.query(
                Self.matchDead, filter.queue?.text, filter.reason, filter.age, filter.message?.uuid, filter.key,
                filter.error, filter.tickets
            ) { row in try row[0, as: Int64.self] }
            return (origin, tickets)
        }
    }

    private static let matching = """
        FROM mq.dead_letters d JOIN mq.queues q ON q.id = d.queue
        WHERE ($1::text IS NULL OR q.name = $1) AND ($2::text IS NULL OR d.reason = $2)
          AND ($3::float8 IS NULL OR d.died_at < now() - make_interval(secs => $3))
          AND ($4::uuid IS NULL OR d.id = $4) AND ($5::text IS NULL OR d.key = $5)
          AND ($6::text IS NULL OR strpos(lower(d.error), lower($6)) > 0)
          AND ($7::bigint[] IS NULL OR d.ticket = ANY ($7))
        """
    static let listDead = Statement(
        """
        SELECT d.ticket, q.name, d.attempts, d.reason, d.error, d.died_at, d.history, d.id, d.sent_at, d.topic, d.key, d.tag,
            d.headers, d.body \(matching) AND d.ticket > $9 ORDER BY d.ticket LIMIT $8
        """)
    static let listDeadHeads = Statement(
        """
        SELECT d.ticket, q.name, d.id, d.key, d.attempts, d.reason, d.error, d.died_at
        \(matching) AND d.ticket > $9 ORDER BY d.ticket LIMIT $8
        """)
    static let countDead = Statement("SELECT count(*) \(matching)")
    static let matchDead = Statement("SELECT d.ticket \(matching) ORDER BY d.ticket")
    static let stillDead: Statement = "SELECT count(*) FROM mq.dead_letters WHERE ticket = ANY ($1)"
    static let queuesOf: Statement = "SELECT DISTINCT queue FROM mq.dead_letters WHERE ticket = ANY ($1) ORDER BY queue"
    /// Letters that another session is moving are waited for, then not found. Where no lane is free, nothing is moved.
    static let redrive = Statement(
        """
        WITH matched AS MATERIALIZED (
            SELECT m.ticket, m.level::int AS level, \(share) AS share
            FROM mq.dead_letters m JOIN mq.queues q ON q.id = m.queue
            WHERE m.queue = $1 AND m.ticket = ANY ($2) FOR UPDATE OF m),
        base AS MATERIALIZED (
            SELECT t.level, t.share, lane.lane, lane.last
            FROM (SELECT DISTINCT level, share FROM matched ORDER BY level, share) AS t,
                LATERAL mq.take_lane($1, t.level, t.share) AS lane),
        risen AS MATERIALIZED (
            DELETE FROM mq.dead_letters d USING matched m JOIN base ON base.level = m.level AND base.share IS NOT DISTINCT FROM m.share
            WHERE d.ticket = m.ticket AND base.lane IS NOT NULL
            RETURNING d.*, m.share),
        noted AS (INSERT INTO mq.redriven (action, ticket, id, queue) SELECT $3, ticket, id, queue FROM risen)
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
        SELECT base.last + row_number() OVER (PARTITION BY r.level, r.share ORDER BY r.ticket), r.queue, base.lane, 1, r.id, r.sent_at,
            r.topic, r.key, r.tag, r.headers, r.body
        FROM risen r JOIN base ON base.level = r.level AND base.share IS NOT DISTINCT FROM r.share
        """)
    static let purge: Statement = """
        WITH gone AS (DELETE FROM mq.dead_letters WHERE ticket = ANY ($1) RETURNING queue),
        counted AS (INSERT INTO mq.tallies (queue, kind, change) SELECT queue, 'p', count(*) FROM gone GROUP BY queue)
        SELECT 1 FROM gone
        """
}
