import Postgres

extension Broker {
    /// Drops messages that are past the retention of their queue where nobody receives them, so that they neither wait for ever nor
    /// keep their segments. Whoever receives drops them on the way.
    ///
    /// - Returns: how many were dropped.
    @discardableResult
    func discardOutdated() async throws -> Int {
        var sum = 0
        try await eachByItself(allEntries().filter { $0.retention != nil }) { entry in
            var discarded = 0
            repeat {
                discarded = try await discardOutdated(in: entry)
                sum += discarded
            } while discarded > 0
        }
        return sum
    }

    private func discardOutdated(in entry: Catalogue.Entry) async throws -> Int {
        let known = memory(of: entry).watermarks(of: entry)
        let counts = try await database.query(
            Self.discardOutdated, entry.id, Int32(Self.discardLimit), known, entry.origin.home
        ) { try $0[0, as: Int.self] }
        return counts.first ?? 0
    }

    /// Of each lane.
    private static let discardLimit = 5000

    /// Claims, lane by lane, what is outdated at the cursor, up to the first that is not, and completes it. Walks the index that a
    /// claim walks, and locks what a claim locks. The pace of the lane goes from claim to claim.
    static let discardOutdated = Statement(
        """
        WITH lane AS MATERIALIZED (SELECT * FROM mq.take_lanes($1, 0, 64, 0) WHERE mq.is_home($4)),
        got AS MATERIALIZED (
            SELECT w.lane, w.seq FROM lane, LATERAL (
                SELECT n.lane, n.seq, bool_and(\(isOutdated)) OVER (ORDER BY n.seq) AS is_outdated FROM (
                    (SELECT h.lane, h.seq, h.sent_at FROM mq.head_messages h
                     WHERE h.queue = $1 AND h.lane = lane.lane AND h.seq > lane.place ORDER BY h.seq LIMIT $2::int)
                    UNION ALL
                    SELECT b.lane, b.seq, b.sent_at FROM mq.read_behind($1, lane.lane, $2::int) AS b WHERE lane.behind) AS n) AS w
            WHERE w.is_outdated),
        claimed AS (
            INSERT INTO mq.claims (last_seq, first_seq, queue, lane, places, consumer, lease_until, watermark, paced_until)
            SELECT max(g.seq), min(g.seq), $1, g.lane, count(*), 0, now(), coalesce(($3::bigint[])[g.lane + 1], 0), (
                SELECT c.paced_until FROM mq.claims c WHERE c.queue = $1 AND c.lane = g.lane ORDER BY c.last_seq DESC LIMIT 1)
            FROM got g GROUP BY g.lane),
        late AS (INSERT INTO mq.completions (queue, lane, seq, outcome) SELECT $1, lane, seq, 'o' FROM got RETURNING 1),
        counted AS (INSERT INTO mq.tallies (queue, kind, change) SELECT $1, 'o', count(*) FROM late HAVING count(*) > 0)
        SELECT count(*) FROM got
        """)
}
