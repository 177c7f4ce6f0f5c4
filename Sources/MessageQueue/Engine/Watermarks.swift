package import Postgres

extension Broker {
    /// Per lane, the place up to which everything is completed, and how many places are open beyond it.
    ///
    /// Starts from `known`, so that the cost follows what happened since, not the length of the log.
    package func watermarks(of queue: Int32, from known: [Int64], on database: some DatabaseAccess) async throws
        -> Watermarks
    {
        try await database.perform(isTransaction: false, within: nil) {
            try Self.watermarks(of: queue, from: known, in: $0)
        }
    }

    /// As above, from where this memory left off, and noted there.
    func watermarks(of entry: Catalogue.Entry, noting memory: ClaimMemory) async throws -> Watermarks {
        try await database.perform(isTransaction: false, within: nil) { session in
            let entry = try self.catalogue.current(entry, in: session)
            let found = try Self.watermarks(of: entry.id, from: memory.watermarks(of: entry), in: session)
            memory.note(found.places, of: entry)
            return found
        }
    }

    private static func watermarks(
        of queue: Int32, from known: [Int64], in session: borrowing Session
    ) throws -> Watermarks {
        let lanes = try session.query(findWatermarks, queue, known) { row in
            (lane: try row[0, as: Int.self], place: try row[1, as: Int64.self], open: try row[2, as: Int.self])
        }
        var found = Watermarks(places: [Int64](repeating: 0, count: (lanes.map(\.lane).max() ?? -1) + 1), open: 0)
        for lane in lanes {
            found.places[lane.lane] = lane.place
            found.open += lane.open
        }
        return found
    }

    package struct Watermarks: Sendable {
        /// By lane.
        package var places: [Int64]
        /// Claimed and not yet finished.
        var open: Int
    }

    /// Keeps the watermarks of a queue that has come to rest: no later claim will.
    static let keepWatermarks: Statement = """
        INSERT INTO mq.watermarks AS w (queue, lane, watermark)
        SELECT $1, lane - 1, seq FROM unnest($2::bigint[]) WITH ORDINALITY AS known(seq, lane) WHERE mq.is_home($3)
        ON CONFLICT (queue, lane) DO UPDATE SET watermark = excluded.watermark WHERE w.watermark < excluded.watermark
        """

    /// Without a known watermark of a lane, the newest claim tells what its consumer knew. An open place is one of a claim
    /// without a completion; the claims of one segment are contiguous, so their places need not be read from the log.
    ///
    /// A claim with as many completions as places, as nearly all are, is passed over: to count a range is a tenth of the
    /// work of looking up each place. For the others, `LIMIT 1` makes of each look-up one step in the completions' primary
    /// key, and `OFFSET 0` keeps the claims from being read from their beginning: an anti-join would read every completion
    /// of the lane.
    static let findWatermarks: Statement = """
        WITH start AS MATERIALIZED (
            SELECT l.lane, greatest(($2::bigint[])[l.lane + 1], newest.watermark, kept.watermark, 0) AS watermark,
                coalesce(newest.last_seq, 0) AS cursor
            FROM mq.lanes l LEFT JOIN LATERAL (
                SELECT c.watermark, c.last_seq FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
                ORDER BY c.last_seq DESC LIMIT 1) AS newest ON true
            LEFT JOIN mq.watermarks kept ON kept.queue = l.queue AND kept.lane = l.lane
            WHERE l.queue = $1)
        SELECT s.lane, coalesce(min(open.seq) - 1, greatest(s.cursor, s.watermark)), count(open.seq)
        FROM start s LEFT JOIN LATERAL (
            SELECT place.seq FROM mq.claims c, generate_series(c.first_seq, c.last_seq) AS place(seq)
            WHERE c.queue = $1 AND c.lane = s.lane AND c.last_seq > s.watermark AND place.seq > s.watermark
              AND (SELECT count(*) FROM mq.completions d WHERE d.queue = $1 AND d.lane = s.lane
                   AND d.seq BETWEEN c.first_seq AND c.last_seq) < c.places
              AND (SELECT d.seq FROM mq.completions d WHERE d.queue = $1 AND d.lane = s.lane AND d.seq = place.seq LIMIT 1) IS NULL
            OFFSET 0) AS open ON true
        GROUP BY s.lane, s.cursor, s.watermark
        """
}
