import Durations
import MessageQueue
import Postgres

extension TestBroker {
    /// Lets virtual time pass, at once: for the engine it is now that much later.
    ///
    /// What was scheduled becomes due, leases end, blocked keys are tried again, rates let more through, keys of `sendOnce`
    /// expire, messages and dead letters grow older, just as if the time had passed. Of the consumers, those that are gone are noticed; those that live are taken to have
    /// given their signs of life meanwhile, and keep what they hold. Messages whose lease ended are back in their queues when
    /// this returns; what has become due is handled by the next ``drain(_:advancingUpTo:limit:)``, or by a worker, which
    /// is told.
    ///
    /// Only the engine's own tables are moved: your tables, `now()` in your statements and `Date()` in your code tell
    /// the real time. The retention of the log does not pass, so that ``sent(to:since:)`` keeps telling everything.
    public func advance(by time: Duration) async throws {
        guard time > .zero, time <= Self.mostTime else {
            throw QueueError.invalidArgument("time passes forward, by a thousand years at the most, not by \(time)")
        }
        let microseconds = time.wholeMicroseconds
        try await database.write { session in
            for statement in Self.shifts { session.pipeline(statement, microseconds) }
        }
        let entries = try await broker.allEntries()
        try await rescue(entries)
        try await database.write { broker.ring(entries.map(\.id), after: $0) }
    }

    /// Takes back what consumers held that are gone, and what leases held that have ended.
    func rescue(_ entries: [Catalogue.Entry]) async throws {
        let gone = Array(try await broker.findGone(except: 0, on: database).unlocked)
        let every = gone.isEmpty ? entries : try await broker.allEntries()
        for entry in every {
            let watermarks = try await broker.watermarks(of: entry.id, from: [], on: database).places
            while try await broker.rescue(entry, from: gone, beyond: watermarks) > 0 {}
        }
        if !gone.isEmpty { try await database.execute(Broker.endConsumers, gone) }
    }

    /// Notes the delays of messages that were sent with one and are about to be moved into the log.
    func noteDelays(of entry: Catalogue.Entry) async throws {
        delays.note(
            try await database.query(Self.dueDelays, entry.id) { row in
                (
                    DelayMemory.Key(queue: entry.id, message: MessageID(try row[0])),
                    .microseconds(try row[1, as: Int.self])
                )
            })
    }

    /// More, and there are times that the server can't write.
    private static let mostTime = Duration.longest * 1000

    /// Time passes when all that is past lies farther back, and all that is to come is nearer.
    private static let shifts: [Statement] = [
        "UPDATE mq.scheduled SET due_at = due_at - $1 * interval '1 us', sent_at = sent_at - $1 * interval '1 us'",
        """
        UPDATE mq.claims SET claimed_at = claimed_at - $1 * interval '1 us', lease_until = lease_until - $1 * interval '1 us',
            paced_until = paced_until - $1 * interval '1 us'
        """,
        "UPDATE mq.leases SET lease_until = lease_until - $1 * interval '1 us'",
        "UPDATE mq.messages SET sent_at = sent_at - $1 * interval '1 us', appended_at = appended_at - $1 * interval '1 us'",
        "UPDATE mq.completions SET finished_at = finished_at - $1 * interval '1 us'",
        "UPDATE mq.dead_letters SET died_at = died_at - $1 * interval '1 us', sent_at = sent_at - $1 * interval '1 us'",
        "UPDATE mq.blocked_keys SET since = since - $1 * interval '1 us', retry_at = retry_at - $1 * interval '1 us'",
        "UPDATE mq.held SET sent_at = sent_at - $1 * interval '1 us'",
        "UPDATE mq.sent_keys SET expires_at = expires_at - $1 * interval '1 us'",
        "UPDATE mq.published_keys SET expires_at = expires_at - $1 * interval '1 us'",
    ]

    /// A message that was never in the log is scheduled by its sender.
    private static let dueDelays: Statement = """
        SELECT d.id, (extract(epoch FROM d.due_at - d.sent_at) * 1000000)::bigint FROM mq.scheduled d
        WHERE d.queue = $1 AND d.due_at <= now() AND NOT EXISTS (
            SELECT FROM mq.messages m WHERE m.id = d.id AND m.queue + 0 = d.queue)
        """
}
