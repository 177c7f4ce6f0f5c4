import Durations
import Postgres

extension Broker {
    /// Lengthens the lease of messages that were received with a lease of their own: it then lasts for `lease` from now on, or
    /// for what is left of it, if that is longer.
    ///
    /// Messages in the hands of a ``Worker`` need none of this; their consumer's heartbeat extends them all.
    /// - Parameters:
    ///   - messages: as they were received.
    ///   - lease: ``MessageLimits/delay`` at most.
    /// - Throws: ``QueueError/leaseLost(queue:message:)`` when one of them is finished or taken over already; then none is extended.
    ///   ``QueueError/beyondLimit(_:)``.
    public func extend(_ messages: [ReceivedMessage], to lease: Duration) async throws {
        try MessageLimits.check(.lease, lease)
        let places = messages.map(\.receipt).sorted()
        try await writeLookingAgain(on: database) { session in
            guard let origin = self.origin(of: messages, in: session) else { return }
            session.pipeline(Self.lockClaims, places.map(\.queue), places.map(\.lane), places.map(\.seq))
            session.pipeline(
                Self.extendOwn, places.map(\.queue), places.map(\.lane), places.map(\.seq), lease.withinLimits.inSeconds
            )
            // Comes last: what is open is what it finds.
            let extended = try session.query(
                Self.extend, places.map(\.queue), places.map(\.lane), places.map(\.seq), lease.withinLimits.inSeconds,
                origin.home
            ) { row in
                Receipt(queue: try row[0], lane: try row[1], seq: try row[2], mark: origin.mark)
            }
            let left = Set(places).subtracting(extended)
            if let lost = messages.first(where: { left.contains($0.receipt) }) {
                throw QueueError.leaseLost(queue: lost.queue, message: lost.message.id)
            }
        }
    }

    /// Locks the claims' rows, as a rescue does, so that of the two only one happens. What was completed meanwhile is
    /// seen by the next statement.
    static let lockClaims = Statement("SELECT 1 FROM mq.claims c, \(claimsOfPlaces) FOR UPDATE OF c")

    /// The lease of a whole claim is lengthened: that its other places might have ended earlier is nothing anybody has to
    /// know.
    static let extend = Statement(
        """
        WITH longer AS (
            UPDATE mq.claims c SET lease_until = CASE WHEN c.lease_until IS NOT NULL
                THEN greatest(c.lease_until, now() + make_interval(secs => $4::float8)) END
            FROM \(claimsOfPlaces) RETURNING c.queue, c.lane, c.first_seq, c.last_seq)
        SELECT p.queue, p.lane, p.seq
        FROM unnest($1::int[], $2::smallint[], $3::bigint[]) AS p(queue, lane, seq)
        JOIN longer l ON l.queue = p.queue AND l.lane = p.lane AND p.seq BETWEEN l.first_seq AND l.last_seq
        WHERE NOT EXISTS (SELECT FROM mq.completions d WHERE (d.queue, d.lane, d.seq) = (p.queue, p.lane, p.seq)) AND mq.is_home($5)
        """)

    /// Of places whose visibility was changed, which no longer go by the lease of their claim.
    static let extendOwn: Statement = """
        UPDATE mq.leases v SET lease_until = greatest(v.lease_until, now() + make_interval(secs => $4::float8))
        FROM unnest($1::int[], $2::smallint[], $3::bigint[]) AS p(queue, lane, seq)
        WHERE (v.queue, v.lane, v.seq) = (p.queue, p.lane, p.seq)
        """

    private static let claimsOfPlaces = """
        (SELECT DISTINCT p.queue, p.lane, near.last_seq
         FROM unnest($1::int[], $2::smallint[], $3::bigint[]) AS p(queue, lane, seq), LATERAL (
            SELECT n.last_seq, n.first_seq FROM mq.claims n WHERE n.queue = p.queue AND n.lane = p.lane AND n.last_seq >= p.seq
            ORDER BY n.last_seq LIMIT 1) AS near
         WHERE near.first_seq <= p.seq) AS claim
        WHERE (c.queue, c.lane, c.last_seq) = (claim.queue, claim.lane, claim.last_seq)
        """
}
