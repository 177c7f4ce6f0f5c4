import Durations
import Postgres

extension Broker {
    /// Makes sure that a queue exists with these settings.
    ///
    /// Safe to call at every start, by several processes at once. The number of lanes of an existing queue stays as it is.
    /// - Throws: ``QueueError/invalidSettings(_:)``, which names a setting outside of its range; also when the queue exists with
    ///   another order or other priorities: what is stored in it could not be kept to the new rule.
    public func declare(queue name: QueueName, _ settings: QueueSettings = .init()) async throws {
        try settings.check()
        try Self.check(name.text)
        try await writeLookingAgain(on: database) { session in
            let row = QueueRow(settings)
            session.pipeline(
                Self.declareQueue, name.text, row.lanes, row.lease, row.attempts, row.base, row.cap, row.jitter,
                row.levels,
                row.order, row.retention, row.delay)
            try self.finishDeclaring(name, settings.limits, in: session)
            try self.catalogue.queue(name, in: session).check(against: settings)
        }
    }

    /// After the queue's row.
    func finishDeclaring(_ name: QueueName, _ limits: QueueLimits?, in session: borrowing Session) throws {
        session.pipeline(Self.declareLanes, name.text)
        if let limits {
            session.pipeline(
                Self.setLimits, name.text, limits.concurrency.map(Int32.init(clamping:)), limits.rate,
                limits.burst.map(Int32.init(clamping:)))
        }
        try catalogue.reload(in: session)
    }

    /// Makes sure that a topic exists. Safe to call at every start, by several processes at once.
    ///
    /// - Throws: ``QueueError/invalidName(_:)``.
    public func declare(topic: TopicName) async throws {
        try Self.check(topic.text)
        try await database.execute(Self.declareTopic, topic.text)
    }

    static func check(_ name: String) throws {
        guard name.canBeName else { throw QueueError.invalidName(name) }
    }

    static let declareQueue: Statement = """
        INSERT INTO mq.queues AS q (name, lanes, lease_ms, max_attempts, backoff_base_ms, backoff_cap_ms, jitter, levels, key_order,
            retention_ms, delay_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::"char", $10, $11)
        ON CONFLICT (name) DO UPDATE SET
            (lease_ms, max_attempts, backoff_base_ms, backoff_cap_ms, jitter, retention_ms, delay_ms, changed_at) =
            (excluded.lease_ms, excluded.max_attempts, excluded.backoff_base_ms, excluded.backoff_cap_ms, excluded.jitter,
             excluded.retention_ms, excluded.delay_ms, now())
        WHERE (q.lease_ms, q.max_attempts, q.backoff_base_ms, q.backoff_cap_ms, q.jitter, q.retention_ms, q.delay_ms)
            IS DISTINCT FROM
            (excluded.lease_ms, excluded.max_attempts, excluded.backoff_base_ms, excluded.backoff_cap_ms, excluded.jitter,
             excluded.retention_ms, excluded.delay_ms)
        """
    static let declareLanes: Statement = """
        INSERT INTO mq.lanes (queue, lane)
        SELECT q.id, lane
        FROM mq.queues q, generate_series(0, q.lanes * q.levels * CASE WHEN q.key_order IS NULL THEN 1 ELSE 2 END - 1) AS lane
        WHERE q.name = $1
        ON CONFLICT DO NOTHING
        """
    static let declareTopic: Statement = "INSERT INTO mq.topics (name) VALUES ($1) ON CONFLICT DO NOTHING"
}

extension Catalogue.Entry {
    fileprivate func check(against settings: QueueSettings) throws {
        guard (order == nil) == (settings.order == nil), levels == settings.priorities.rawValue else {
            throw QueueError.invalidSettings(
                "queue \(name) exists already, \(order == nil ? "without" : "with") order and "
                    + "\(levels == 1 ? "without" : "with \(levels)") priorities, which can't be changed; use another name"
            )
        }
    }
}
