import MessageQueue
import Postgres

/// How a queue stands, as far as a test that empties it is concerned.
struct Standing: Sendable {
    let queue: QueueName
    let waiting: Int
    let inFlight: Int
    let scheduled: Int
    let held: Int
    let isPaused: Bool
    /// In how much time something becomes due, a lease ends, or the queue's rate lets more through; zero when something is due.
    let next: Duration?

    /// What there is; nil for an empty queue.
    var what: String? {
        var parts: [String] = []
        if waiting > 0 { parts.append("\(waiting) waiting") }
        if inFlight > 0 { parts.append("\(inFlight) in flight") }
        if scheduled > 0 { parts.append("\(scheduled) scheduled") }
        if held > 0 { parts.append("\(held) held behind a blocked key") }
        if isPaused { parts.append("paused") }
        return parts.isEmpty ? nil : "\(queue): \(parts.joined(separator: ", "))"
    }
}

extension TestBroker {
    /// Fails soon when the database is at its limits: this also tells why something hangs.
    func standing(of entries: [Catalogue.Entry]) async throws -> [Standing] {
        let next = Dictionary(
            try await database.query(Self.next, entries.map(\.id), within: .seconds(5)) { row in
                (QueueName(try row[0]), Duration.microseconds(max(0, try row[1, as: Int.self])))
            }, uniquingKeysWith: min)
        let names = Set(entries.map(\.name))
        return try await broker.statistics().filter { names.contains($0.queue) }.map { queue in
            Standing(
                queue: queue.queue, waiting: queue.depth, inFlight: queue.inFlight,
                scheduled: queue.scheduled + queue.retrying,
                held: queue.held, isPaused: queue.isPaused, next: next[queue.queue])
        }
    }

    func isDue(_ entry: Catalogue.Entry) async throws -> Bool {
        try await database.query(Self.due, entry.id) { try $0[0, as: Bool.self] } == [true]
    }

    private static let due: Statement = """
        SELECT EXISTS (SELECT FROM mq.scheduled WHERE queue = $1 AND due_at <= now())
            OR EXISTS (SELECT FROM mq.blocked_keys WHERE queue = $1 AND replaying = 0 AND retry_at <= now())
        """

    private static let next: Statement = """
        SELECT q.name, ceil(extract(epoch FROM at - now()) * 1000000)::bigint FROM (
            SELECT queue, min(due_at) FROM mq.scheduled GROUP BY queue
            UNION ALL
            SELECT queue, greatest(min(retry_at), now()) FROM mq.blocked_keys WHERE replaying = 0 AND retry_at < 'infinity'
            GROUP BY queue
            UNION ALL
            SELECT c.queue, min(coalesce(v.lease_until, c.lease_until)) FROM mq.claims c
            CROSS JOIN generate_series(c.first_seq, c.last_seq) AS place(seq)
            LEFT JOIN mq.leases v ON (v.queue, v.lane, v.seq) = (c.queue, c.lane, place.seq)
            WHERE NOT EXISTS (SELECT FROM mq.completions d WHERE (d.queue, d.lane, d.seq) = (c.queue, c.lane, place.seq))
            GROUP BY c.queue
            UNION ALL
            SELECT p.queue, max(p.paced_until) FROM (
                SELECT queue, paced_until FROM mq.claims UNION ALL SELECT queue, paced_until FROM mq.lanes) AS p
            WHERE p.paced_until > now() GROUP BY p.queue
        ) AS event (queue, at) JOIN mq.queues q ON q.id = event.queue
        WHERE q.id = ANY($1) AND at IS NOT NULL
        """
}
