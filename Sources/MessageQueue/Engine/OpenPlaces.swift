import Foundation
package import Postgres

/// The places of a queue that are claimed and not finished: what a later look has to be added to.
///
/// As of one moment; true for ever of what lies before the cursors, except that some of it is finished since.
package struct OpenPlaces: Sendable, Equatable {
    /// By lane and place.
    private(set) var runs: [PlaceRun] = []
    /// Per lane, the last claimed place that was looked at.
    private(set) var cursors: [Int64] = []

    package init() {}

    package init(runs: [PlaceRun], cursors: [Int64]) {
        self.runs = runs.joined()
        self.cursors = cursors
    }

    mutating func add(_ claimed: [Receipt]) {
        let claimed = Receipt.runs(of: claimed).map {
            PlaceRun(lane: $0.first.lane, first: $0.first.seq, last: $0.last)
        }
        runs = (runs + claimed).joined()
        for run in claimed where Int(run.lane) < cursors.count {
            cursors[Int(run.lane)] = max(cursors[Int(run.lane)], run.last)
        }
    }

    package var isEmpty: Bool { runs.isEmpty }

    package var count: Int { runs.reduce(0) { $0 + $1.count } }

    /// The same, remembered with so few runs that it costs little to ask about them: what lies behind them is looked at anew.
    var bounded: OpenPlaces {
        guard runs.count > Self.mostRuns else { return self }
        var bounded = OpenPlaces(runs: [], cursors: cursors)
        let lanes = Dictionary(grouping: runs, by: \.lane).sorted { $0.key < $1.key }
        for (lane, runs) in lanes {
            let kept = runs.prefix(Self.mostRuns / cursors.count)
            bounded.runs += kept
            if let last = kept.last, kept.count < runs.count { bounded.cursors[Int(lane)] = last.last }
        }
        return bounded
    }

    static let mostRuns = 4096
}

/// Places of a lane without a gap.
package struct PlaceRun: Sendable, Equatable {
    let lane: Int16
    let first: Int64
    fileprivate(set) var last: Int64

    var count: Int { Int(last - first + 1) }
}

extension [PlaceRun] {
    /// Those that touch are one.
    fileprivate func joined() -> [PlaceRun] {
        sorted { ($0.lane, $0.first) < ($1.lane, $1.first) }.reduce(into: []) { runs, run in
            if let before = runs.last, before.lane == run.lane, before.last + 1 == run.first {
                runs[runs.count - 1].last = run.last
            } else {
                runs.append(run)
            }
        }
    }
}

extension Broker {
    /// What is open in a queue, found from where this memory left off, and noted there.
    func openPlaces(of entry: Catalogue.Entry, noting memory: ClaimMemory) async throws -> OpenPlaces {
        try await database.perform(isTransaction: false, within: nil) { session in
            let entry = try self.catalogue.current(entry, in: session)
            let open = OpenPlaces(try Self.flow(of: entry.id, since: memory.openPlaces(of: entry), in: session))
            memory.note(open, of: entry)
            return open
        }
    }

    /// What is open in a queue. The cost follows what happened since what is known, not the length of the log.
    package func openPlaces(
        of queue: Int32, since known: OpenPlaces = OpenPlaces(), on database: some DatabaseAccess
    ) async throws -> OpenPlaces {
        try await database.perform(isTransaction: false, within: nil) {
            OpenPlaces(try Self.flow(of: queue, since: known, in: $0))
        }
    }

    /// - Parameter countsPlaces: whether what is open is asked for, and not only the cursors and the pace.
    static func flow(
        of queue: Int32, since known: OpenPlaces, countingPlaces countsPlaces: Bool = true,
        in session: borrowing Session
    ) throws -> [LaneFlow] {
        try session.query(
            openSince, queue, known.runs.map(\.lane), known.runs.map(\.first), known.runs.map(\.last), known.cursors,
            countsPlaces
        ) { row in try LaneFlow(row) }
    }

    /// The newest claim of a lane, found by the claims' primary key, carries the pace, or, once that is dropped, the lane itself.
    /// What is open are the gaps between the completions of each run: of those that were open before, and of the claims since
    /// `$5`, or since the watermark that the lane knows, which is also asked where this log does not reach as far as `$5`. Each run is
    /// walked by the completions' primary key, from its first place to its last, so that a completion is read once and never again.
    ///
    /// A claim with as many completions as places, as nearly all are, is passed over: to count a range is a tenth of the work of
    /// looking for its gaps.
    static let openSince: Statement = """
        SELECT l.lane, coalesce(newest.last_seq, since.seq), open.firsts, open.lasts, greatest(newest.paced_until, l.paced_until),
            clock_timestamp()
        FROM mq.lanes l LEFT JOIN LATERAL (
            SELECT c.last_seq, c.watermark, c.paced_until FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
            ORDER BY c.last_seq DESC LIMIT 1) AS newest ON true
        LEFT JOIN mq.watermarks kept ON kept.queue = l.queue AND kept.lane = l.lane,
        LATERAL (
            SELECT CASE WHEN ($5::bigint[])[l.lane + 1] <= newest.last_seq THEN ($5::bigint[])[l.lane + 1]
                ELSE greatest(newest.watermark, kept.watermark, 0) END AS seq) AS since,
        LATERAL (
            SELECT array_agg(gap.first ORDER BY gap.first) AS firsts, array_agg(gap.last ORDER BY gap.first) AS lasts FROM (
                SELECT r.first, r.last FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS r(lane, first, last)
                WHERE r.lane = l.lane AND r.last <= since.seq AND r.first >= (SELECT min(s.segment)::bigint << 40 FROM mq.segments s)
                UNION ALL
                SELECT greatest(c.first_seq, since.seq + 1), c.last_seq FROM mq.claims c
                WHERE c.queue = l.queue AND c.lane = l.lane AND c.last_seq > since.seq AND (
                    SELECT count(*) FROM mq.completions d
                    WHERE d.queue = l.queue AND d.lane = l.lane AND d.seq BETWEEN c.first_seq AND c.last_seq) < c.places
            ) AS run(first, last),
            LATERAL (
                SELECT lag(place.seq, 1, run.first - 1) OVER (ORDER BY place.seq) + 1 AS first, place.seq - 1 AS last FROM (
                    SELECT d.seq FROM mq.completions d
                    WHERE d.queue = l.queue AND d.lane = l.lane AND d.seq >= run.first AND d.seq <= run.last
                    UNION ALL SELECT run.last + 1) AS place) AS gap
            WHERE gap.first <= gap.last AND $6) AS open
        WHERE l.queue = $1 ORDER BY l.lane
        """
}

/// What a lane has open, and what its newest claim says.
struct LaneFlow {
    let lane: Int16
    let cursor: Int64
    let open: [PlaceRun]
    let pacedUntil: Date?
    let now: Date
}

extension LaneFlow {
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

extension OpenPlaces {
    init(_ lanes: [LaneFlow]) {
        self.init(runs: lanes.flatMap(\.open), cursors: lanes.map(\.cursor))
    }
}
