import Postgres

extension Broker {
    /// Stops deliveries of a queue; sending goes on, and what is in flight is finished. Holds until ``resume(_:)``.
    public func pause(_ queue: QueueName) async throws { try await set(queue, paused: true) }

    /// Lets a paused queue deliver again.
    public func resume(_ queue: QueueName) async throws { try await set(queue, paused: false) }

    private func set(_ queue: QueueName, paused: Bool) async throws {
        let deed = Deed(paused ? .pause : .resume, queue)
        let id = try await database.write { session in
            let ids = try session.query(Self.setPaused, queue.text, paused) { row in try row[0, as: Int32.self] }
            guard let id = ids.first else { throw QueueError.unknownQueue(queue) }
            try self.record(deed, in: session)
            return id
        }
        guard !paused else { return }
        doorbell.ring([id])
        await flush()
    }

    static let setPaused: Statement = """
        UPDATE mq.queues SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, now()) END WHERE name = $1 RETURNING id
        """
}
