import Durations
import Foundation
package import Postgres
import Synchronization

extension Broker {
    /// What a claim brought.
    package struct Claim: Sendable {
        package var messages: [ReceivedMessage]
        /// When nothing came because of the queue's rate: until it is worth asking again.
        var wait: Duration?
        /// More may be there at once: places were claimed only to be held back.
        package var isIncomplete: Bool

        package var foundNothing: Bool { messages.isEmpty && !isIncomplete }

        package init(messages: [ReceivedMessage] = [], wait: Duration? = nil, isIncomplete: Bool = false) {
            self.messages = messages
            self.wait = wait
            self.isIncomplete = isIncomplete
        }
    }

    /// The most places of one claim, which counts them in a smallint.
    static let largestClaim = 32_000

    /// Who claims, and how.
    package struct Claimer: Sendable {
        let consumer: Int64
        /// Nil: as long as the consumer gives signs of life.
        let lease: Duration?
        let memory: ClaimMemory

        package init(consumer: Int64, lease: Duration?, memory: ClaimMemory) {
            self.consumer = consumer
            self.lease = lease
            self.memory = memory
        }
    }

    /// Takes the next messages of a queue, at most `limit`, in the caller's transaction: a block if the queue has limits.
    ///
    /// Guarantee: a place is given to one consumer only, and places of a lane are given in order. The lease begins with the
    /// commit, and lasts as long as the consumer gives signs of life, or, with ``Claimer/lease``, for that time.
    package func receive(
        _ entry: Catalogue.Entry, by claimer: Claimer, limit: Int, in session: borrowing Session
    ) throws -> Claim {
        let entry = try catalogue.current(entry, in: session)
        claimer.memory.turn(to: entry)
        guard entry.isLimited else { return try claim(entry, claimer, limit, nil, in: session) }
        let allowance = try allowance(of: entry, upTo: limit, memory: claimer.memory, in: session)
        guard allowance.places > 0 else { return Claim(wait: allowance.wait) }
        let claim = try self.claim(entry, claimer, allowance.places, allowance.pacing, in: session)
        let places = claim.messages.map(\.receipt)
        // A claim that is rolled back holds nothing: remembered, it would take up the limit for good.
        session.afterCommit { claimer.memory.open.withLock { $0.add(places) } }
        return claim
    }

    private func claim(
        _ entry: Catalogue.Entry, _ claimer: Claimer, _ limit: Int, _ pacing: Pacing?, in session: borrowing Session
    ) throws -> Claim {
        let turn = claimer.memory.nextTurn()
        let first = entry.priorities.first(inTurn: turn)
        let rows = try session.query(
            Self.claim(from: entry, isByHand: claimer.lease != nil), entry.id, Int32(turn % 64), Int32(limit),
            claimer.consumer, claimer.lease?.inSeconds,
            claimer.memory.watermarks.withLock { $0 }, pacing?.from, pacing?.interval, Int32(first), entry.origin.home
        ) { row in
            try row[1, as: Int64?.self].map { seq in
                let (attempt, leaseEnds) = (try row[2, as: Int.self], try row[4, as: Date?.self])
                return ReceivedMessage(
                    receipt: entry.receipt(lane: try row[0], seq: seq), queue: entry.name,
                    attempt: attempt, priority: entry.priority(ofLane: try row[0]),
                    message: try Message(row, from: 5), appendedAt: try row[3], leaseEnds: leaseEnds,
                    firstReceivedAt: attempt == 1
                        ? leaseEnds?.addingTimeInterval(-(claimer.lease?.inSeconds ?? 0)) : nil)
            }
        }
        let messages = rows.compactMap(\.self)
        return Claim(messages: messages, isIncomplete: messages.count < rows.count)
    }

    /// Locks the rows of lanes with something to claim (see `mq.take_lanes`), and takes the lanes in that order, however far
    /// behind each is: of one it walks the primary key of the head segment from the cursor, of one that is behind the segment
    /// that it stands in. Claims what that returns. A lane by lane prefix of the log, since the walks are ordered and the limit
    /// cuts them in that order; the constraint `claims_contiguous` would refuse anything else.
    ///
    /// Columns are named: one that a later version adds to the log is not in the view of the head yet.
    static let claim = Statement(claiming(dropping: "", answering: "seq"))

    /// Also finishes what is older than the queue's retention, and answers it without a seq.
    static let claimYoung = Statement(claiming(dropping: droppingOutdated, answering: youngSeq))

    private static let youngSeq = "CASE WHEN NOT \(isOutdated) THEN seq END"
    private static let droppingOutdated = """
        , late AS (
            INSERT INTO mq.completions (queue, lane, seq, outcome) SELECT $1, lane, seq, 'o' FROM got WHERE \(isOutdated)
            RETURNING 1),
        counted AS (INSERT INTO mq.tallies (queue, kind, change) SELECT $1, 'o', count(*) FROM late HAVING count(*) > 0)
        """

    /// As ``claim`` and ``claimYoung``, for whoever receives by hand: no more than ``HandfulOfBodies`` allows.
    static let claimHandful = Statement(claiming(dropping: "", answering: "seq", isHandful: true))
    static let claimYoungHandful = Statement(
        claiming(dropping: droppingOutdated, answering: youngSeq, isHandful: true))

    private static func claim(from entry: Catalogue.Entry, isByHand: Bool) -> Statement {
        switch (entry.order, entry.retention) {
        case (_?, _): claimInOrder
        case (nil, nil): isByHand ? claimHandful : claim
        case (nil, _?): isByHand ? claimYoungHandful : claimYoung
        }
    }

    /// By the present retention of queue `$1`, whatever this process remembers of it.
    static let isOutdated =
        "coalesce(sent_at < now() - (SELECT q.retention_ms * interval '1 ms' FROM mq.queues q WHERE q.id = $1), false)"

    private static func claiming(dropping: String, answering seq: String, isHandful: Bool = false) -> String {
        let next = """
            SELECT m.* FROM lane, LATERAL (
                (SELECT \(columns) FROM mq.head_messages h WHERE h.queue = $1 AND h.lane = lane.lane AND h.seq > lane.place
                 ORDER BY h.seq LIMIT $3)
                UNION ALL
                SELECT \(columns) FROM mq.read_behind($1, lane.lane, $3) AS h WHERE lane.behind) AS m
            LIMIT $3
            """
        return """
            WITH lane AS MATERIALIZED (SELECT * FROM mq.take_lanes($1, $2, 64, $9) WHERE \(Origin.isHome("$10"))),
            got AS MATERIALIZED (\(isHandful ? HandfulOfBodies.first(of: next) : next)),
            claimed AS (
                INSERT INTO mq.claims (last_seq, first_seq, queue, lane, places, consumer, lease_until, watermark, paced_until)
                SELECT max(seq), min(seq), $1, lane, count(*), $4, now() + make_interval(secs => $5::float8),
                    coalesce(($6::bigint[])[lane + 1], 0),
                    $7::timestamptz + make_interval(secs => $8::float8 * (SELECT count(*) FROM got))
                FROM got GROUP BY lane)\(dropping)
            SELECT lane, \(seq), attempt, appended_at, \(leaseEnd), \(messageColumns) FROM got
            """
    }

    /// See `mq.claim_in_order`. A row without a seq says that something was held back.
    static let claimInOrder = Statement(
        """
        SELECT lane, seq, attempt, appended_at, \(leaseEnd), \(messageColumns)
        FROM mq.claim_in_order($1, $2, $3, $4, $5, $6, $7, $8) WHERE $9::int IS NOT NULL AND mq.is_home($10)
        """)

    /// Worked out once, and not for each row.
    private static let leaseEnd = "(SELECT now() + make_interval(secs => $5::float8))"
    private static let messageColumns = "id, sent_at, topic, key, tag, headers, body"
    private static let columns =
        "h.lane, h.seq, h.attempt, h.appended_at, h.id, h.sent_at, h.topic, h.key, h.tag, h.headers, h.body"
}

extension Message {
    /// Reads the columns id, sent_at, topic, key, tag, headers, body, from column `first` on.
    package init(_ row: borrowing Row, from first: Int) throws {
        id = MessageID(try row[first])
        sentAt = try row[first + 1]
        topic = try row[first + 2]
        key = try row[first + 3]
        tag = try row[first + 4]
        headers = Payloads.decode(headers: try row[first + 5])
        body = try row[first + 6, as: Bytes.self].bytes
    }
}
