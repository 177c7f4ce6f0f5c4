import Durations
import MessageQueue
import Postgres

extension TestBroker {
    /// Lets virtual time pass, at once: for the engine it is now that much later.
    ///
    /// What was scheduled becomes due, leases end, blocked keys are tried again, rates let more through, keys of `sendOnce`
    /// expire, receipts of half messages end and their producers are asked, messages and dead letters grow older, just as if
    /// the time had passed. Of the consumers, those that are gone are noticed; those that live are taken to have given their
    /// signs of life meanwhile, and keep what they hold. Messages whose lease ended are back in their queues when this
    /// returns; what has become due is handled by the next ``drain(_:advancingUpTo:limit:)``, or by a worker, which is told.
    ///
    /// Only the engine's own tables are moved: your tables, `now()` in your statements and `Date()` in your code tell
    /// the real time, and so does what is only shown, such as when a queue was made. The retention of the log does not pass,
    /// so that ``sent(to:since:)`` keeps telling everything.
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
            let watermarks = try await broker.openPlaces(of: entry.id, on: database).watermarks
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
    private static let shifts = shifted.map { table, columns in
        let times = columns.map { "\($0) = \($0) - $1 * interval '1 us'" }.joined(separator: ", ")
        let known = columns.joined(separator: ", ")
        return Statement("UPDATE mq.\(table) SET \(times) WHERE coalesce(\(known)) IS NOT NULL")
    }

    /// What the engine goes by, and how old messages and dead letters are.
    static let shifted: [(table: String, columns: [String])] = [
        ("scheduled", ["due_at", "sent_at"]),
        ("claims", ["claimed_at", "lease_until", "paced_until"]),
        ("lanes", ["paced_until"]),
        ("leases", ["lease_until"]),
        ("messages", ["sent_at", "appended_at"]),
        ("completions", ["finished_at"]),
        ("dead_letters", ["died_at", "sent_at"]),
        ("blocked_keys", ["since", "retry_at"]),
        ("held", ["sent_at"]),
        ("half_messages", ["check_at", "prepared_at"]),
        ("sent_keys", ["expires_at"]),
        ("published_keys", ["expires_at"]),
    ]

    /// A message that was never in the log is scheduled by its sender.
    private static let dueDelays: Statement = """
        SELECT d.id, (extract(epoch FROM d.due_at - d.sent_at) * 1000000)::bigint FROM mq.scheduled d
        WHERE d.queue = $1 AND d.due_at <= now() AND NOT EXISTS (
            SELECT FROM mq.messages m WHERE m.id = d.id AND m.queue + 0 = d.queue)
        """
}
