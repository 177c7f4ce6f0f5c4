import Foundation
import Postgres
import Synchronization

extension Broker {
    /// Sets what all workers of a queue together may not exceed; ``QueueLimits/none`` takes the limits away.
    ///
    /// - Throws: ``QueueError/unknownQueue(_:)``, ``QueueError/invalidSettings(_:)``.
    public func limit(_ queue: QueueName, to limits: QueueLimits) async throws {
        try limits.check()
        let deed = Deed(.limit, queue, limits.detail)
        let id = try await database.write { session in
            let ids = try session.query(
                Self.setLimits, queue.text, limits.concurrency.map(Int32.init(clamping:)), limits.rate,
                limits.burst.map(Int32.init(clamping:))
            ) { row in try row[0, as: Int32.self] }
            guard let id = ids.first else { throw QueueError.unknownQueue(queue) }
            try self.record(deed, in: session)
            return id
        }
        doorbell.ring([id])
        await flush()
    }

    /// How much may be claimed now, in the transaction that claims, which must be a block.
    ///
    /// Takes the queue's claim lock until the transaction ends. Whoever claims from this queue does, so what is counted here
    /// can only become less meanwhile. Costs a look at each run of places that was open at the last claim, at the claims since,
    /// and at what was finished in them; never a look at the backlog.
    func allowance(
        of entry: Catalogue.Entry, upTo limit: Int, memory: ClaimMemory, in session: borrowing Session
    ) throws -> Allowance {
        session.pipeline(Self.lockFlow, entry.id)
        let known = memory.open.withLock { $0 }
        let lanes = try session.query(
            Self.openSince, entry.id, known.runs.map(\.lane), known.runs.map(\.first), known.runs.map(\.last),
            known.cursors,
            entry.limits.concurrency != nil
        ) { row in try LaneFlow(row) }
        memory.open.withLock { $0 = OpenPlaces(runs: lanes.flatMap(\.open), cursors: lanes.map(\.cursor)) }
        return Allowance(of: entry.limits, limit: limit, lanes)
    }

    struct LaneFlow {
        let lane: Int16
        let cursor: Int64
        let open: [PlaceRun]
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
            let open = lanes.reduce(0) { $0 + $1.open.reduce(0) { $0 + $1.count } }
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

    /// The newest claim of a lane, found by the claims' primary key, carries the pace, or, once that is dropped, the lane itself.
    /// What is open are the gaps between the completions of each run: of those that were open before, and of the claims since
    /// `$5`, or since the watermark that the lane knows. Each run is walked by the completions' primary key, from its first place to its
    /// last, so that a completion is read once and never again.
    static let openSince: Statement = """
        SELECT l.lane, coalesce(newest.last_seq, 0), open.firsts, open.lasts, greatest(newest.paced_until, l.paced_until), clock_timestamp()
        FROM mq.lanes l LEFT JOIN LATERAL (
            SELECT c.last_seq, c.watermark, c.paced_until FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
            ORDER BY c.last_seq DESC LIMIT 1) AS newest ON true
        LEFT JOIN mq.watermarks kept ON kept.queue = l.queue AND kept.lane = l.lane,
        LATERAL (SELECT coalesce(($5::bigint[])[l.lane + 1], greatest(newest.watermark, kept.watermark, 0)) AS seq) AS since,
        LATERAL (
            SELECT array_agg(gap.first ORDER BY gap.first) AS firsts, array_agg(gap.last ORDER BY gap.first) AS lasts FROM (
                SELECT r.first, r.last FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS r(lane, first, last)
                WHERE r.lane = l.lane AND r.first >= (SELECT min(s.segment)::bigint << 40 FROM mq.segments s)
                UNION ALL
                SELECT greatest(c.first_seq, since.seq + 1), c.last_seq FROM mq.claims c
                WHERE c.queue = l.queue AND c.lane = l.lane AND c.last_seq > since.seq) AS run(first, last),
            LATERAL (
                SELECT lag(place.seq, 1, run.first - 1) OVER (ORDER BY place.seq) + 1 AS first, place.seq - 1 AS last FROM (
                    SELECT d.seq FROM mq.completions d
                    WHERE d.queue = l.queue AND d.lane = l.lane AND d.seq >= run.first AND d.seq <= run.last
                    UNION ALL SELECT run.last + 1) AS place) AS gap
            WHERE gap.first <= gap.last AND $6) AS open
        WHERE l.queue = $1 ORDER BY l.lane
        """
    static let setLimits: Statement = """
        UPDATE mq.queues SET (concurrency_limit, rate_limit, burst, changed_at) = ($2, $3, $4, now()) WHERE name = $1 RETURNING id
        """
}

extension QueueLimits {
    /// As it is recorded.
    fileprivate var detail: [String: String?] {
        ["concurrency": concurrency.map { "\($0)" }, "rate": rate.map { "\($0)" }, "burst": burst.map { "\($0)" }]
    }
}

extension Broker.LaneFlow {
    fileprivate init(_ row: borrowing Row) throws {
        lane = try row[0]
        cursor = try row[1]
        let firsts = try row[2, as: [Int64]?.self] ?? []
        let lasts = try row[3, as: [Int64]?.self] ?? []
        open = zip(firsts, lasts).map { [lane] in PlaceRun(lane: lane, first: $0, last: $1) }
        pacedUntil = try row[4]
        now = try row[5]
    }
}
