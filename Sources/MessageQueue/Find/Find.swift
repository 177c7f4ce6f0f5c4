import Foundation
import Postgres

extension Broker {
    /// Looks for deliveries in a queue or under a topic, the newest first, page by page.
    ///
    /// Costs a walk back along the primary key of the messages, for a search that is narrow with one look at a completion per
    /// place, and never more than 10,000 places a page: a rare find may take several pages, each of them quick. Where
    /// `since` and `until` lie in each lane is found by bisection, so a stretch of time costs what is in it. No index serves
    /// searches alone, so sending and receiving pay nothing for them.
    ///
    /// Guarantee: over its pages a search shows each match once that was committed before its first page, as far as the retention
    /// reaches; at both ends of a stretch of time except for what was sent by transactions that took longer than ten seconds.
    /// - Parameters:
    ///   - search: what to look for.
    ///   - position: ``SearchPage/next`` of the page before; nil begins with the newest.
    ///   - limit: the most entries of a page, 1 to 1,000.
    /// - Throws: ``QueueError/unknownQueue(_:)``, ``QueueError/unknownTopic(_:)``; ``QueueError/invalidArgument(_:)`` for an
    ///   outcome or a limit outside of its range, or a position in another database.
    public func find(
        _ search: MessageSearch, from position: SearchPosition? = nil, limit: Int = 50
    ) async throws -> SearchPage {
        try search.check()
        try QueueError.demand("limit", limit, in: 1...1000, or: QueueError.invalidArgument)
        let (queues, mark) = try await place(of: search)
        if let position, position.mark != mark {
            throw QueueError.invalidArgument("the search began in another database, or before this one was restored")
        }
        let lanes = try await lanes(of: queues, search, from: position)
        let chunk = search.isNarrow ? max(1, Self.placesPerPage / max(1, lanes.count)) : limit
        let walk = SearchWalk(try await steps(of: lanes, search, chunk), chunk: chunk, limit: limit)
        return SearchPage(
            entries: try await entries(at: walk.hits),
            next: walk.reached.isEmpty ? nil : SearchPosition(reached: walk.reached, mark: mark),
            examined: walk.examined)
    }

    private static let placesPerPage = 10_000
    /// How long before its place was taken a message's transaction may have begun.
    private static let longestTransaction = 10.0

    private func place(of search: MessageSearch) async throws -> ([Int32], UInt32) {
        try await lookingAgain {
            try await self.database.perform(isTransaction: false, within: nil) { session in
                try self.catalogue.reload(in: session)
                let mark = try self.catalogue.origin(of: session).mark
                switch search.place {
                case .queue(let name): return ([try self.catalogue.queue(name, in: session).id], mark)
                case .topic(let name): return (try self.catalogue.listeners(of: name, in: session), mark)
                }
            }
        }
    }

    private struct LaneToWalk: Sendable {
        let lane: SearchPosition.Lane
        /// Ends of the stretch, both outside of it, and the last place that was claimed.
        let before, after, claimed: Int64
    }

    private func lanes(
        of queues: [Int32], _ search: MessageSearch, from position: SearchPosition?
    ) async throws -> [LaneToWalk] {
        let reached = position.map { Array($0.reached) } ?? []
        return try await database.read(
            Self.lanesToWalk, queues, search.since?.addingTimeInterval(-Self.longestTransaction),
            search.until?.addingTimeInterval(Self.longestTransaction), position == nil,
            reached.map(\.key.queue), reached.map(\.key.lane), reached.map(\.value),
            search.isClaimed
        ) { row in
            LaneToWalk(
                lane: .init(queue: try row[0], lane: try row[1]), before: try row[2], after: try row[3],
                claimed: try row[4])
        }
    }

    private func steps(of lanes: [LaneToWalk], _ search: MessageSearch, _ chunk: Int) async throws -> [[SearchWalk
        .Step]]
    {
        let topic: String? = if case .topic(let name) = search.place { name.text } else { nil }
        let steps = try await database.read(
            Self.walk, lanes.map(\.lane.queue), lanes.map(\.lane.lane), lanes.map(\.before), lanes.map(\.after),
            lanes.map(\.claimed), Int64(chunk), topic, search.tag, search.since, search.until,
            search.outcome.map(Self.code), search.error
        ) { row in
            SearchWalk.Step(
                lane: .init(queue: try row[0], lane: try row[1]), seq: try row[2], at: try row[3], isHit: try row[4])
        }
        return Array(Dictionary(grouping: steps, by: \.lane).mapValues { $0.sorted { $0.seq > $1.seq } }.values)
    }

    private func entries(at places: [SearchWalk.Step]) async throws -> [TraceEntry] {
        try await database.read(
            Self.attemptsAt, places.map(\.lane.queue), places.map(\.lane.lane), places.map(\.seq)
        ) { try TraceEntry($0) }
    }

    /// As completions hold it, and a letter of our own for what has none yet.
    private static func code(of outcome: TraceEntry.Outcome) -> String {
        switch outcome {
        case .inFlight: "i"
        case .done: "d"
        case .retried: "r"
        case .expired: "x"
        case .dead: "f"
        case .released: "b"
        case .held: "h"
        case .outdated: "o"
        case .purged: "p"
        case .waiting, .scheduled, .heldBack, .deadLetter: "w"
        }
    }

    /// Lanes with what of them is to be walked. `mq.place_at` bisects by the primary key.
    static let lanesToWalk: Statement = """
        SELECT l.queue, l.lane,
            least(coalesce(p.seq, mq.place_at(l.queue, l.lane, $3) + 1, 9223372036854775807),
                CASE WHEN $8 THEN mq.cursor(l.queue, l.lane) + 1 END),
            coalesce(mq.place_at(l.queue, l.lane, $2), 0), mq.cursor(l.queue, l.lane)
        FROM mq.lanes l LEFT JOIN unnest($5::int[], $6::smallint[], $7::bigint[]) AS p(queue, lane, seq)
            ON p.queue = l.queue AND p.lane = l.lane
        WHERE l.queue = ANY ($1::int[]) AND ($4 OR p.seq IS NOT NULL)
        """
    /// Back along the primary key of the messages, so many of each lane; completions are looked up by theirs, and only when an
    /// outcome or an error is asked for. No body is read.
    static let walk: Statement = """
        SELECT m.queue, m.lane, m.seq, m.appended_at,
            ($7::text IS NULL OR coalesce(m.topic = $7, false)) AND ($8::text IS NULL OR coalesce(m.tag = $8, false))
            AND ($9::timestamptz IS NULL OR m.appended_at >= $9) AND ($10::timestamptz IS NULL OR m.appended_at < $10)
            AND CASE WHEN $11::text IS NULL AND $12::text IS NULL THEN true ELSE coalesce((
                SELECT ($11 IS NULL OR d.outcome::text = $11) AND ($12 IS NULL OR strpos(lower(d.error), lower($12)) > 0)
                FROM mq.completions d WHERE d.queue = m.queue AND d.lane = m.lane AND d.seq = m.seq LIMIT 1),
                $12 IS NULL AND $11 = CASE WHEN m.seq <= l.claimed THEN 'i' ELSE 'w' END) END
        FROM unnest($1::int[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[]) AS l(queue, lane, before, after, claimed),
        LATERAL (
            SELECT m.queue, m.lane, m.seq, m.appended_at, m.topic, m.tag FROM mq.messages m
            WHERE m.queue = l.queue AND m.lane = l.lane AND m.seq < l.before AND m.seq > l.after
            ORDER BY m.seq DESC LIMIT $6) AS m
        """
    static let attemptsAt = Statement(
        """
        SELECT q.name, \(attemptColumns)
        FROM unnest($1::int[], $2::smallint[], $3::bigint[]) WITH ORDINALITY AS p(queue, lane, seq, number)
        CROSS JOIN LATERAL (
            SELECT m.* FROM mq.messages m WHERE m.queue = p.queue AND m.lane = p.lane AND m.seq = p.seq LIMIT 1) AS m
        \(attemptJoins)
        JOIN mq.queues q ON q.id = m.queue
        ORDER BY p.number
        """)
}
