import Postgres

extension Broker {
    /// What nobody holds any more, in one queue.
    struct Abandoned {
        enum Claims {
            case consumers([Int64], beyond: [Int64])
            case claims([EndedClaim])
        }

        let queue: Catalogue.Entry
        let whose: Claims

        func find(in session: borrowing Session) throws -> [Rescued] {
            let (limit, bytes) = (Int32(Broker.rescueLimit), Int64(MessageLimits.parcelBytes))
            let read = { (row: borrowing Row) in try Rescued(row, queue: queue) }
            return switch whose {
            case .consumers(let gone, let watermarks):
                try session.query(Broker.findAbandoned, queue.id, gone, watermarks, limit, bytes, row: read)
            case .claims(let ended):
                try session.query(
                    Broker.findEnded, queue.id, ended.map(\.lane), ended.map(\.last), limit, bytes, row: read)
            }
        }

        /// Answers those that nobody has finished in the meantime.
        func expire(_ open: [Rescued], in session: borrowing Session) throws -> [Rescued] {
            guard !open.isEmpty else { return [] }
            let places = open.map(\.message.receipt)
            let won = Set(
                try session.query(
                    Broker.expire, queue.id, places.map(\.lane), places.map(\.seq), open.map(\.error), queue.origin.home
                ) { row in queue.receipt(lane: try row[0], seq: try row[1]) })
            return open.filter { won.contains($0.message.receipt) }
        }
    }

    static let rescueLimit = 500

    struct Rescued: Sendable {
        let message: ReceivedMessage
        let error: String

        init(_ row: borrowing Row, queue: Catalogue.Entry) throws {
            message = ReceivedMessage(
                receipt: queue.receipt(lane: try row[0], seq: try row[1]), queue: queue.name,
                attempt: try row[2], priority: queue.priority(ofLane: try row[0]),
                message: try Message(row, from: 5), appendedAt: try row[3])
            error = "consumer \(try row[4, as: Int64.self]) was lost, or its lease ended"
        }
    }

    /// Claims behind each lane's watermark by the claims' primary key, their places without a completion by the
    /// completions' one. Locks the claims' rows, as ``Broker/extend(_:to:)`` does; those that others hold are skipped.
    ///
    /// Where the visibility of single places was changed, their own lease counts, whether it ends before the claim's or after it.
    ///
    /// Of what it finds the bodies are only weighed, and so many answered that those ahead of each are less than `$5` bytes.
    ///
    /// A consumer may be given up while it lives, and claim once more before it notices: what an ended consumer holds is
    /// abandoned, whenever it was claimed.
    static let findAbandoned = Statement(
        placesWithoutLease(
            of: """
                SELECT \(claimColumns) FROM mq.lanes l
                JOIN mq.claims c ON c.queue = l.queue AND c.lane = l.lane AND c.last_seq > coalesce(($3::bigint[])[l.lane + 1], 0)
                WHERE l.queue = $1 AND (c.lease_until IS NULL AND c.consumer = ANY ($2) OR \(hasEnded))
                FOR UPDATE OF c SKIP LOCKED
                """))

    /// The same of certain claims, by their lanes and last places.
    static let findEnded = Statement(
        placesWithoutLease(
            of: """
                SELECT ended.* FROM (
                    SELECT DISTINCT e.lane, e.last_seq FROM unnest($2::smallint[], $3::bigint[]) AS e(lane, last_seq)) AS e
                CROSS JOIN LATERAL (
                    SELECT \(claimColumns) FROM mq.claims c
                    WHERE c.queue = $1 AND c.lane = e.lane AND c.last_seq = e.last_seq AND (\(hasEnded))
                    LIMIT 1 FOR UPDATE SKIP LOCKED) AS ended
                """))

    private static let claimColumns =
        "c.lane, c.first_seq, c.last_seq, c.consumer, coalesce(c.lease_until < now(), true) AS is_over"

    private static let hasEnded = """
        c.lease_until < now()
            OR c.lease_until IS NULL AND EXISTS (SELECT FROM mq.consumers w WHERE w.id = c.consumer AND w.ended_at IS NOT NULL)
            OR EXISTS (SELECT FROM mq.leases v WHERE v.queue = $1 AND v.lane = c.lane AND v.seq BETWEEN c.first_seq AND c.last_seq
                AND v.lease_until < now())
        """

    private static func placesWithoutLease(of claims: String) -> String {
        """
        WITH claim AS MATERIALIZED (\(claims)),
        open AS MATERIALIZED (
            SELECT c.lane, m.seq, m.attempt, m.appended_at, c.consumer, m.id, m.sent_at, m.topic, m.key, m.tag, m.headers, m.body
            FROM claim c JOIN mq.messages m ON m.queue = $1 AND m.lane = c.lane AND m.seq BETWEEN c.first_seq AND c.last_seq
            LEFT JOIN mq.leases v ON v.queue = $1 AND v.lane = m.lane AND v.seq = m.seq
            WHERE coalesce(v.lease_until < now(), c.is_over)
              AND NOT EXISTS (SELECT FROM mq.completions d WHERE d.queue = $1 AND d.lane = m.lane AND d.seq = m.seq)
            LIMIT $4)
        SELECT lane, seq, attempt, appended_at, consumer, id, sent_at, topic, key, tag, headers, body
        FROM (SELECT o.*, sum(octet_length(o.body)) OVER (ORDER BY o.lane, o.seq) - octet_length(o.body) AS ahead FROM open o) AS weighed
        WHERE ahead < $5
        """
    }

    /// A place that somebody finished in the meantime is left alone, and not answered. So is one that was made invisible for longer
    /// just before its claim was locked: only a statement after that lock sees it.
    static let expire: Statement = """
        WITH abandoned AS MATERIALIZED (
            SELECT c.lane, c.seq, c.error FROM unnest($2::smallint[], $3::bigint[], $4::text[]) AS c(lane, seq, error)
            WHERE mq.is_home($5) AND NOT EXISTS (
                SELECT FROM mq.leases v WHERE v.queue = $1 AND v.lane = c.lane AND v.seq = c.seq AND v.lease_until >= now())),
        gone AS (DELETE FROM mq.leases v USING abandoned a WHERE v.queue = $1 AND v.lane = a.lane AND v.seq = a.seq)
        INSERT INTO mq.completions (queue, lane, seq, outcome, error)
        SELECT $1, lane, seq, 'x', error FROM abandoned ORDER BY lane, seq
        ON CONFLICT DO NOTHING RETURNING lane, seq
        """
}
