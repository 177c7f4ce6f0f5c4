import Foundation
import Postgres
import Synchronization

extension Broker {
    /// Sets what all workers of a queue together may not exceed; ``QueueLimits/none`` takes the limits away.
    ///
    /// - Throws: ``QueueError/unknownQueue(_:)``, ``QueueError/invalidSettings(_:)``.
    public func limit(_ queue: QueueName, to limits: QueueLimits) async throws {
        try limits.check()
        let ids = try await database.query(
            Self.setLimits, queue.text, limits.concurrency.map(Int32.init(clamping:)), limits.rate,
            limits.burst.map(Int32.init(clamping:))
        ) { row in try row[0, as: Int32.self] }
        guard let id = ids.first else { throw QueueError.unknownQueue(queue) }
        doorbell.ring([id])
        await flush()
    }

    /// How much may be claimed now, in the transaction that claims, which must be a block.
    ///
    /// Takes the queue's claim lock until the transaction ends. Whoever claims from this queue does, so what is counted here
    /// can only become less meanwhile. Costs a look at the places that were open at the last claim, and at those claimed
    /// since; never a look at the backlog.
    func allowance(
        of entry: Catalogue.Entry, upTo limit: Int, memory: ClaimMemory, in session: borrowing Session
    ) throws -> Allowance {
        session.pipeline(Self.lockFlow, entry.id)
        let known = memory.open.withLock { $0 }
        let lanes = try session.query(
            Self.openSince, entry.id, known.places.map(\.lane), known.places.map(\.seq), known.cursors,
            entry.limits.concurrency != nil
        ) { row in
            LaneFlow(
                lane: try row[0], cursor: try row[1], open: try row[2], pacedUntil: try row[3], now: try row[4])
        }
        memory.open.withLock { $0 = OpenPlaces(lanes, of: entry) }
        return Allowance(of: entry.limits, limit: limit, lanes)
    }

    struct LaneFlow {
        let lane: Int16
        let cursor: Int64
        let open: [Int64]
        let pacedUntil: Date?
        let now: Date
    }

    /// Written with a claim: from when on it takes how long for each message.
    struct Pacing: Sendable {
        let from: Date
        /// In seconds.
        let interval: Double
    }

    /// What one claim may take.
    struct Allowance {
        let places: Int
        /// Until it is worth asking again; nil when a bell will ring.
        let wait: Duration?
        let pacing: Pacing?

        init(of limits: QueueLimits, limit: Int, _ lanes: [LaneFlow]) {
            let open = lanes.reduce(0) { $0 + $1.open.count }
            let free = limits.concurrency.map { max(0, $0 - open) } ?? limit
            let now = lanes.first?.now ?? Date()
            // Of a slower rate that was set before, no more than this one could owe.
            let latest = limits.pace.map { now + Double($0.burst) / $0.rate } ?? now
            let pacedUntil = min(lanes.compactMap(\.pacedUntil).max() ?? now, latest)
            let passing = limits.pace?.allowance(pacedUntil: pacedUntil, now: now)
            pacing = limits.pace.map { Pacing(from: max(pacedUntil, now), interval: 1 / $0.rate) }
            places = min(limit, free, passing?.places ?? limit)
            wait = free > 0 ? passing?.wait : nil
        }
    }

    /// Beyond the number of any lane.
    static let lockFlow: Statement = "SELECT pg_advisory_xact_lock(mq.lock_class() + $1, 1000)"

    /// The newest claim of a lane, found by the claims' primary key, carries the pace, or, once that is dropped, the lane itself;
    /// with what is open since `$4`, or since the watermark that it knows.
    static let openSince: Statement = """
        SELECT l.lane, coalesce(newest.last_seq, 0), CASE WHEN $5 THEN ARRAY(
                SELECT p.seq FROM unnest($2::smallint[], $3::bigint[]) AS p(lane, seq) WHERE p.lane = l.lane
                  AND p.seq >= (SELECT min(s.segment)::bigint << 40 FROM mq.segments s)
                  AND (SELECT d.seq FROM mq.completions d WHERE d.queue = l.queue AND d.lane = l.lane AND d.seq = p.seq LIMIT 1) IS NULL
                UNION ALL
                SELECT place.seq FROM mq.claims c, generate_series(c.first_seq, c.last_seq) AS place(seq)
                WHERE c.queue = l.queue AND c.lane = l.lane AND c.last_seq > since.seq AND place.seq > since.seq
                  AND (SELECT d.seq FROM mq.completions d WHERE d.queue = l.queue AND d.lane = l.lane AND d.seq = place.seq LIMIT 1) IS NULL
            ) ELSE '{}' END, greatest(newest.paced_until, l.paced_until), clock_timestamp()
        FROM mq.lanes l LEFT JOIN LATERAL (
            SELECT c.last_seq, c.watermark, c.paced_until FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
            ORDER BY c.last_seq DESC LIMIT 1) AS newest ON true
        LEFT JOIN mq.watermarks kept ON kept.queue = l.queue AND kept.lane = l.lane,
        LATERAL (SELECT coalesce(($4::bigint[])[l.lane + 1], greatest(newest.watermark, kept.watermark, 0)) AS seq) AS since
        WHERE l.queue = $1 ORDER BY l.lane
        """
    static let setLimits: Statement = """
        UPDATE mq.queues SET (concurrency_limit, rate_limit, burst) = ($2, $3, $4) WHERE name = $1 RETURNING id
        """
}

extension OpenPlaces {
    fileprivate init(_ lanes: [Broker.LaneFlow], of queue: Catalogue.Entry) {
        self.init(
            places: lanes.flatMap { lane in lane.open.map { queue.receipt(lane: lane.lane, seq: $0) } },
            cursors: lanes.map(\.cursor))
    }
}
