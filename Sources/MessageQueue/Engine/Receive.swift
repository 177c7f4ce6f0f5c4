package import Postgres

extension Broker {
    /// Takes the next messages of a queue, at most `limit`, in the caller's transaction.
    ///
    /// Guarantee: a place is given to one consumer only, and places of a lane are given in order. The lease begins with the
    /// commit, and lasts as long as the consumer gives signs of life, or, with `lease`, for that time.
    /// - Parameter settled: per lane, a place up to which everything is known to be completed; kept with the claim, so
    ///   that whoever looks for open places later need not begin at the beginning.
    package func receive(
        _ queue: Int32, named name: QueueName, by consumer: Int64, limit: Int, start: Int, lease: Duration?,
        settled: [Int64], in session: borrowing Session
    ) throws -> [ReceivedMessage] {
        try session.query(
            Self.claim, queue, Int32(start), Int32(limit), consumer, lease?.inSeconds, settled
        ) { row in
            ReceivedMessage(
                place: Place(queue: queue, lane: try row[0], seq: try row[1]), queue: name, attempt: try row[2],
                message: try Message(row, from: 4), appendedAt: try row[3])
        }
    }

    /// Locks the rows of lanes with something to claim (see `mq.take_lanes`), walks the primary key of the head segment
    /// from each cursor, and claims what it returns. A lane by lane prefix of the log, since the lateral walks are
    /// ordered and the limit cuts them in that order; the constraint `claims_contiguous` would refuse anything else.
    static let claim: Statement = """
        WITH lane AS MATERIALIZED (SELECT * FROM mq.take_lanes($1, $2, 64)),
        got AS MATERIALIZED (
            SELECT * FROM (
                SELECT m.* FROM lane, LATERAL (
                    SELECT * FROM mq.head_messages h WHERE h.queue = $1 AND h.lane = lane.lane AND h.seq > lane.place
                    ORDER BY h.seq LIMIT $3) AS m
                UNION ALL
                SELECT m.* FROM lane, LATERAL mq.read_behind($1, lane.lane, $3) AS m WHERE lane.behind) AS every
            LIMIT $3),
        claimed AS (
            INSERT INTO mq.claims (last_seq, first_seq, queue, lane, places, consumer, lease_until, settled_seq)
            SELECT max(seq), min(seq), $1, lane, count(*), $4, now() + make_interval(secs => $5::float8),
                coalesce(($6::bigint[])[lane + 1], 0)
            FROM got GROUP BY lane)
        SELECT lane, seq, attempt, appended_at, id, sent_at, topic, key, tag, headers, body FROM got
        """
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
