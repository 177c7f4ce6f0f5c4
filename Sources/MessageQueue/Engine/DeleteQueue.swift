import Postgres
import Synchronization

extension Broker {
    /// Deletes a queue with all that is in it, for ever: messages, dead letters, history, and its subscriptions.
    ///
    /// Guarantee: afterwards nobody who remembers the queue can send to it, and receipts of it are worth nothing: who finishes one of its
    /// messages all the same is told ``QueueError/leaseLost(queue:message:)``, and the effects roll back. A queue of the same name can be
    /// declared at once; it is another one, and begins empty. Waits for whoever is just sending to the queue, or finishing what is in it,
    /// and takes as long as it takes to delete its rows, in one transaction. Under an ``Operator`` it is recorded as what they did.
    /// - Returns: false when there was none.
    @discardableResult
    public func delete(queue name: QueueName) async throws -> Bool {
        let deed = Operator.current.map { Deed(.deleteQueue, name, by: $0) }
        let deleted = try await database.write(within: Self.longestDeletion) { session in
            let deleted = try session.query(Self.deleteQueue, name.text) { row in try row[0, as: Int32.self] }
            if let deed, !deleted.isEmpty { try self.record(deed, in: session) }
            return deleted
        }
        catalogue.doubt()
        byHand.withLock { memories in for id in deleted { memories[id] = nil } }
        doorbell.ring(deleted)
        return !deleted.isEmpty
    }

    /// Row by row.
    private static let longestDeletion = Duration.seconds(3600)

    /// With the rights of the schema's owner, which a worker's role has for this alone. See `mq.empty_queue`, which the deletion
    /// triggers.
    static let deleteQueue: Statement = "SELECT id FROM mq.delete_queue($1) AS id"
}
