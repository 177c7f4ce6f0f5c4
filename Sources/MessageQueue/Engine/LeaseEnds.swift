import Postgres

extension Broker {
    /// Gives back what is open although its lease has ended, or its consumer; not all at once where that is much.
    ///
    /// - Returns: how long until the next lease ends, or until it is worth looking again; nil when none runs.
    func rescueEnded(_ open: OpenPlaces, in entry: Catalogue.Entry) async throws -> Duration? {
        guard !open.isEmpty else { return nil }
        let (next, ended) = try await leaseEnds(of: open, in: entry)
        guard !ended.isEmpty else { return next }
        return try await rescue(entry, of: ended) > 0 ? .zero : Self.shortestRest
    }

    /// What has ended all the same is in another rescuer's hands just now, or the server refuses to have it back.
    private static let shortestRest = Duration.seconds(1)

    private func leaseEnds(
        of open: OpenPlaces, in entry: Catalogue.Entry
    ) async throws -> (next: Duration?, ended: [EndedClaim]) {
        let rows = try await database.query(
            Self.leaseEnds, entry.id, open.runs.map(\.lane), open.runs.map(\.first), open.runs.map(\.last),
            Int32(Self.rescueLimit)
        ) { row in
            (
                next: try row[0, as: Double?.self].map { Duration.seconds(max(0, $0)) },
                ended: zip(try row[1, as: [Int16]?.self] ?? [], try row[2, as: [Int64]?.self] ?? [])
                    .map { EndedClaim(lane: $0, last: $1) }
            )
        }
        return rows.first ?? (nil, [])
    }

    /// A claim with places whose lease has ended.
    struct EndedClaim: Sendable {
        let lane: Int16
        let last: Int64
    }

    /// Of each run of open places its claims, by the claims' primary key, and the leases of their own that some of these places have.
    /// Where all have one, the claim's no longer counts.
    static let leaseEnds: Statement = """
        SELECT extract(epoch FROM min(e.at) FILTER (WHERE e.at > now()) - now())::float8,
            (array_agg(e.lane) FILTER (WHERE e.at <= now()))[1:$5], (array_agg(e.last_seq) FILTER (WHERE e.at <= now()))[1:$5]
        FROM (
            SELECT r.lane, c.last_seq, CASE WHEN v.places < least(c.last_seq, r.last) - greatest(c.first_seq, r.first) + 1
                THEN least(v.at, c.lease_until, w.at) ELSE v.at END AS at
            FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS r(lane, first, last)
            CROSS JOIN LATERAL (
                SELECT n.first_seq, n.last_seq, n.lease_until, n.consumer FROM mq.claims n
                WHERE n.queue = $1 AND n.lane = r.lane AND n.last_seq >= r.first AND n.last_seq <= (
                    SELECT f.last_seq FROM mq.claims f WHERE f.queue = $1 AND f.lane = r.lane AND f.last_seq >= r.last
                    ORDER BY f.last_seq LIMIT 1)
                OFFSET 0) AS c
            CROSS JOIN LATERAL (
                SELECT count(*) AS places, min(own.lease_until) AS at FROM mq.leases own
                WHERE own.queue = $1 AND own.lane = r.lane
                  AND own.seq BETWEEN greatest(c.first_seq, r.first) AND least(c.last_seq, r.last)) AS v
            LEFT JOIN LATERAL (
                SELECT now() AS at FROM mq.consumers gone
                WHERE c.lease_until IS NULL AND gone.id = c.consumer AND gone.ended_at IS NOT NULL) AS w ON true) AS e
        """
}
