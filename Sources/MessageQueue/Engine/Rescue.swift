import Durations
import Logging
package import Postgres

extension Broker {
    /// Takes messages from consumers that are gone, and those whose own lease has ended, and gives them back with the
    /// attempt counted; those without attempts left become dead letters.
    ///
    /// Guarantee: fenced by the completions, so a wrong guess is harmless: of a rescue and a late finish, one happens.
    /// One that the server refuses to give back is buried, see ``bury(refused:because:in:)``, and one that it refuses to bury comes
    /// again after ``pauseOfUnburied``, as does one that it refuses for another reason than the message itself; neither keeps any of the
    /// others. One that it refuses even that stays where it is, and is found again by the next rescue: where such ones fill a whole
    /// portion, those behind them wait.
    /// - Parameter watermarks: per lane, a place up to which everything is completed.
    /// - Returns: how many places were rescued: no more than are easily held at once, with their bodies. Unless it is 0, there may be more.
    package func rescue(_ entry: Catalogue.Entry, from gone: [Int64], beyond watermarks: [Int64]) async throws -> Int {
        try await rescue(Abandoned(queue: entry, whose: .consumers(gone, beyond: watermarks)))
    }

    /// The same, of certain claims only.
    func rescue(_ entry: Catalogue.Entry, of ended: [EndedClaim]) async throws -> Int {
        try await rescue(Abandoned(queue: entry, whose: .claims(ended)))
    }

    private func rescue(_ abandoned: Abandoned) async throws -> Int {
        do { return try await rescueTogether(abandoned) } catch let error as PostgresError where error.refuses {
            let places = try await database.write { session in
                try abandoned.find(in: session).map {
                    Place(receipt: $0.message.receipt, message: $0.message.message.id)
                }
            }
            return try await rescue(abandoned, partwise: places[...])
        }
    }

    private struct Place {
        let receipt: Receipt
        let message: MessageID
    }

    /// What can't be rescued together is halved, until the one that is refused stands alone.
    private func rescue(_ abandoned: Abandoned, partwise places: ArraySlice<Place>) async throws -> Int {
        do { return try await rescueTogether(abandoned, only: places) } catch let error as PostgresError
            where error.refuses
        {
            guard places.count > 1 else { return try await rescue(abandoned, refused: places, because: error) }
            let middle = places.startIndex + places.count / 2
            var taken = 0
            try await eachByItself([places[..<middle], places[middle...]]) { half in
                let count = try await rescue(abandoned, partwise: half)
                taken += count
            }
            return taken
        }
    }

    /// - Returns: 0 when it can't even be put off: it stays where it is, and the next rescue tries again.
    private func rescue(
        _ abandoned: Abandoned, refused places: ArraySlice<Place>, because refusal: PostgresError
    ) async throws -> Int {
        let ends: [End] = refusal.refusesData ? [.buried(because: refusal), .putOff] : [.putOff]
        for end in ends {
            do { return try await rescueTogether(abandoned, only: places, to: end) } catch let error
                as PostgresError where error.refuses
            {
                for place in places { note(error, of: place.message, in: abandoned.queue, to: end) }
            }
        }
        return 0
    }

    private func note(_ error: PostgresError, of message: MessageID, in queue: Catalogue.Entry, to end: End) {
        let what = if case .putOff = end { "put off, it stays as it is" } else { "buried, putting it off" }
        logger.info(
            "what nobody holds any more can't be \(what)",
            metadata: ["queue": "\(queue.name)", "message": "\(message)", "error": "\(error)"])
    }

    /// What becomes of messages that are taken from whoever held them.
    private enum End {
        case givenBack
        case buried(because: PostgresError)
        case putOff
    }

    /// - Parameter places: nil for all.
    private func rescueTogether(
        _ abandoned: Abandoned, only places: ArraySlice<Place>? = nil, to end: End = .givenBack
    ) async throws -> Int {
        let wanted = places.map { Set($0.map(\.receipt)) }
        return try await database.write { session in
            _ = try self.catalogue.current(abandoned.queue, in: session)
            let open = try abandoned.find(in: session).filter { wanted?.contains($0.message.receipt) ?? true }
            let taken = try abandoned.expire(open, in: session)
            switch end {
            case .givenBack: giveBack(taken, attempts: abandoned.queue.retry.attempts, in: session)
            case .buried(let refusal): bury(refused: taken.map(\.message), because: refusal, in: session)
            case .putOff: comeAgain(taken, after: Self.pauseOfUnburied, in: session)
            }
            return taken.count
        }
    }

    /// What nobody holds any more, in one queue.
    private struct Abandoned {
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

    /// After the completions of what was rescued.
    private func giveBack(_ taken: [Rescued], attempts: Int, in session: borrowing Session) {
        let (living, dying) = taken.partitioned { $0.message.attempt < attempts }
        comeAgain(living, after: .zero, in: session)
        let rejections = dying.map { Rejection($0.message, reason: "worker-lost", error: $0.error) }
        let (blocking, leaving) = rejections.partitioned { order(of: $0.message) == .blockOnFailure }
        block(blocking, in: session)
        bury(leaving, in: session)
    }

    private func comeAgain(_ taken: [Rescued], after delay: Duration, in session: borrowing Session) {
        let (ordered, free) = taken.partitioned { keepsOrder($0.message) }
        putBack(free.map { Returning($0.message, attempt: $0.message.attempt + 1, delay: delay) }, in: session)
        hold(
            ordered.map {
                HeldMessage($0.message, attempt: $0.message.attempt + 1, delay: delay.inSeconds, error: $0.error)
            }, in: session)
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

    /// Consumers whose session-level lock is free: their process, or its connection, is gone. Trying the lock holds it for
    /// this transaction only. And those without a heartbeat for as long as they may be silent: stopped, or cut off.
    ///
    /// Asked often on the connection that listens, so it is also what notices that nothing comes through any more.
    package func findGone(except own: Int64, on database: some DatabaseAccess) async throws -> Gone {
        let found = try await database.query(Self.findGone, own, within: .seconds(5)) { row in
            (
                id: try row[0, as: Int64.self], holdsLock: try row[1, as: Bool.self],
                isUnlocked: try row[2, as: Bool.self], isSilent: try row[3, as: Bool.self]
            )
        }
        return Gone(
            unlocked: Set(found.filter(\.isUnlocked).map(\.id)), silent: Set(found.filter(\.isSilent).map(\.id)),
            lockless: Set(found.filter { !$0.holdsLock }.map(\.id)))
    }

    package struct Gone: Sendable {
        package let unlocked: Set<Int64>
        let silent: Set<Int64>
        /// Behind a pooler, where the heartbeat is the only sign of life.
        let lockless: Set<Int64>
    }

    static let findGone: Statement = """
        SELECT id, holds_lock, CASE WHEN holds_lock THEN pg_try_advisory_xact_lock(mq.lock_class(), id::int) ELSE false END,
            heartbeat_at < now() - make_interval(secs => lease_ms / 1000.0)
        FROM mq.consumers WHERE ended_at IS NULL AND id <> $1
        """

    /// All that these consumers held has been taken from them.
    package static let endConsumers: Statement =
        "UPDATE mq.consumers SET ended_at = now() WHERE id = ANY ($1) AND ended_at IS NULL"
}
