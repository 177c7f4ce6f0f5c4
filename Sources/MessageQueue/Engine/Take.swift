import Postgres
import Synchronization

extension Broker {
    /// Takes the next messages of a queue, at most `limit`, for as long as `lease`: for programs that handle messages by
    /// hand. A ``Worker`` needs none of this.
    ///
    /// Guarantee: until the lease ends, nobody else gets these messages. Finish each with ``complete(_:in:)``,
    /// ``retry(_:in:)``, ``release(_:after:in:)`` or ``deadLetter(_:in:)``, or lengthen the lease with ``extend(_:by:)``;
    /// whatever is none of these when the lease ends is given to somebody else, with the attempt counted.
    ///
    /// Does not wait: an empty answer means that nothing is there, or that the queue is paused.
    /// - Throws: ``QueueError/unknownQueue(_:)``.
    public func receive(_ queue: QueueName, limit: Int = 1, lease: Duration) async throws -> [ReceivedMessage] {
        guard limit > 0, lease > .zero else {
            throw QueueError.invalidSettings("a limit and a lease must be above zero, not \(limit) and \(lease)")
        }
        let entries = try await entries(of: [queue], on: database)
        guard let entry = entries.first else { throw QueueError.unknownQueue(queue) }
        let messages = try await take(entry, limit, lease)
        if !messages.isEmpty { return messages }
        guard try await bringBack(entry) else { return [] }
        return try await take(entry, limit, lease)
    }

    private func take(_ entry: Catalogue.Entry, _ limit: Int, _ lease: Duration) async throws -> [ReceivedMessage] {
        let settled = byHand.withLock { $0[entry.id] ?? [] }
        return try await database.perform(isTransaction: false, within: nil) { session in
            try self.receive(
                entry.id, named: entry.name, by: Self.noConsumer, limit: min(limit, 32_000),
                start: Int.random(in: 0..<64),
                lease: lease, settled: settled, in: session)
        }
    }

    /// Leases that have ended, and deferred messages that are due: whether there is anything to take now.
    private func bringBack(_ entry: Catalogue.Entry) async throws -> Bool {
        let known = byHand.withLock { $0[entry.id] ?? [] }
        let settlement = try await settle(entry.id, from: known, on: database)
        byHand.withLock { $0[entry.id] = settlement.settled }
        if settlement.open > 0 { _ = try await rescue(entry, from: [], settled: settlement.settled) }
        return try await promote(entry.id, on: database).moved > 0
    }

    /// Consumers are processes with a connection of their own; what is taken by hand belongs to none.
    private static let noConsumer: Int64 = 0
}

extension ReceivedMessage {
    /// The message with its payload.
    ///
    /// - Throws: an error with ``Disposition/deadLetter(reason:)``, when the body isn't the JSON of a `Payload`.
    public func decoded<Payload: Codable & Sendable>(as type: Payload.Type = Payload.self) throws -> Delivery<Payload> {
        try Delivery(decoding: self)
    }
}
