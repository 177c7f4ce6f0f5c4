import Durations
import Postgres

extension Broker {
    /// Makes a queue, unless there is one of this name, which then stays as it is. What ``declare(queue:_:)`` makes sure of at every
    /// start, this leaves to whoever came first. Under an ``Operator`` it is recorded as what they did, if it is new.
    ///
    /// - Returns: whether it is new. Of several who make the same queue at once, one is told so.
    /// - Throws: ``QueueError/invalidSettings(_:)``, ``QueueError/invalidName(_:)``, ``QueueError/beyondLimit(_:)``.
    public func create(
        queue name: QueueName, _ settings: QueueSettings = .init(), labels: [String: String] = [:]
    ) async throws -> Bool {
        try settings.check()
        try Self.check(name.text)
        try MessageLimits.check(labels: labels)
        let text = try Payloads.encode(headers: labels)
        let deed = Operator.current.map { Deed(.createQueue, name, by: $0) }
        return try await writeLookingAgain(on: database) { session in
            let row = QueueRow(settings)
            let isNew =
                try session.execute(
                    Self.createQueue, name.text, row.lanes, row.lease, row.attempts, row.base, row.cap, row.jitter,
                    row.levels, row.order, row.retention, row.delay, text) == 1
            if isNew {
                try self.finishDeclaring(name, settings.limits, in: session)
                if let deed { try self.record(deed, in: session) }
            }
            return isNew
        }
    }

    /// Changes how a queue behaves, and its labels, while it is in use.
    ///
    /// Guarantee: what `change` is given is how the queue is set up now, and nobody else changes it meanwhile. Lanes, priorities and
    /// order are fixed. Workers notice within ten seconds, whoever receives by hand or publishes at once, whoever sends within a quarter
    /// of a minute. Under an ``Operator`` it is recorded as what they did, with what is different; of labels with their names.
    /// - Parameters:
    ///   - name: the queue.
    ///   - change: in the transaction; it is called again when that has to be repeated.
    /// - Returns: how it is set up afterwards.
    /// - Throws: ``QueueError/unknownQueue(_:)``, ``QueueError/invalidSettings(_:)``, ``QueueError/beyondLimit(_:)``, and what
    ///   `change` throws; then nothing is changed.
    @discardableResult
    public func change(
        queue name: QueueName, _ change: @escaping @Sendable (inout QueueEntry) throws -> Void
    ) async throws -> QueueEntry {
        let someone = Operator.current
        return try await writeLookingAgain(on: database) { session in
            guard let old = try session.query(Self.lockQueue, name.text, row: { try QueueEntry($0) }).first else {
                throw QueueError.unknownQueue(name)
            }
            var new = old
            try change(&new)
            if new == old { return old }
            let stored = try self.store(new, insteadOf: old, in: session)
            if let someone {
                let before = old.settings.told
                var detail = stored.settings.told.filter { before[$0.key] != $0.value }
                detail["labels"] = stored.labels.names(differingFrom: old.labels)
                try self.record(Deed(.changeQueue, name, detail, by: someone), in: session)
            }
            return stored
        }
    }

    private func store(
        _ new: QueueEntry, insteadOf old: QueueEntry, in session: borrowing Session
    ) throws -> QueueEntry {
        try new.settings.check(insteadOf: old.settings, of: old.queue)
        try MessageLimits.check(labels: new.labels)
        let row = QueueRow(new.settings)
        let limits = new.settings.limits ?? old.settings.limits ?? .none
        let stored = try session.query(
            Self.changeQueue, new.queue.text, row.lease, row.attempts, row.base, row.cap, row.jitter, row.retention,
            row.delay,
            limits.concurrency.map(Int32.init(clamping:)), limits.rate, limits.burst.map(Int32.init(clamping:)),
            try Payloads.encode(headers: new.labels)
        ) { try QueueEntry($0) }
        try catalogue.reload(in: session)
        if let id = catalogue.known(new.queue)?.id { ring([id], after: session) }
        return stored.first ?? new
    }

    static let createQueue: Statement = """
        INSERT INTO mq.queues (name, lanes, lease_ms, max_attempts, backoff_base_ms, backoff_cap_ms, jitter, levels, key_order,
            retention_ms, delay_ms, labels)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::"char", $10, $11, coalesce($12::text::jsonb, '{}'))
        ON CONFLICT (name) DO NOTHING
        """
    static let changeQueue = Statement(
        """
        UPDATE mq.queues SET (lease_ms, max_attempts, backoff_base_ms, backoff_cap_ms, jitter, retention_ms, delay_ms,
            concurrency_limit, rate_limit, burst, labels, changed_at) =
            ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12::text::jsonb, '{}'), now())
        WHERE name = $1 RETURNING \(queueColumns)
        """)
}

/// What of the settings stands in a queue's row, but for its limits.
struct QueueRow {
    let lanes, levels: Int16
    let lease, base, cap: Int
    let attempts: Int32
    let jitter: Double
    let order: String?
    let retention: Int?
    let delay: Int

    init(_ settings: QueueSettings) {
        lanes = Int16(settings.lanes)
        levels = settings.priorities.rawValue
        lease = settings.lease.wholeMilliseconds
        attempts = Int32(settings.retry.attempts)
        base = settings.retry.base.wholeMilliseconds
        cap = settings.retry.cap.wholeMilliseconds
        jitter = settings.retry.jitter
        order = settings.order?.code
        retention = settings.retention?.wholeMilliseconds
        delay = settings.delay.wholeMilliseconds
    }
}

extension QueueSettings {
    fileprivate func check(insteadOf old: QueueSettings, of queue: QueueName) throws {
        try check()
        guard lanes == old.lanes, priorities == old.priorities, order == old.order else {
            throw QueueError.invalidSettings(
                "lanes, priorities and order of queue \(queue) can't be changed; use another name")
        }
    }

    /// As an operator's action is recorded.
    fileprivate var told: [String: String] {
        var told = [
            "lease": lease.text, "attempts": "\(retry.attempts)", "back-off": retry.base.text,
            "longest back-off": retry.cap.text, "jitter": "\(retry.jitter)", "delay": delay.text,
        ]
        told["retention"] = retention?.text ?? "none"
        told["concurrency"] = limits?.concurrency.map { "\($0)" } ?? "none"
        told["messages a second"] = limits?.rate.map { "\($0)" } ?? "none"
        told["burst"] = limits?.burst.map { "\($0)" } ?? "none"
        return told
    }
}
