import Postgres
import Synchronization
import Tracing

extension Broker {
    /// Takes the next messages of a queue, at most `limit`, for as long as `lease`: for programs that handle messages by
    /// hand. A ``Worker`` needs none of this.
    ///
    /// Guarantee: until the lease ends, nobody else gets these messages. Finish each with ``complete(_:in:)``,
    /// ``retry(_:in:)``, ``release(_:after:in:)`` or ``deadLetter(_:in:)``, or lengthen the lease with ``extend(_:to:)``;
    /// whatever is none of these when the lease ends is given to somebody else, with the attempt counted.
    ///
    /// The lease is kept in the database and belongs to no process: it outlasts the one that received, and others can act on a
    /// message by its ``Receipt``, see ``acknowledge(_:)`` and ``changeVisibility(of:to:)``.
    ///
    /// Does not wait: an empty answer means that nothing is there, or that the queue is paused or at its limits.
    /// - Parameters:
    ///   - queue: whose messages.
    ///   - limit: the most that are taken, 1 or more.
    ///   - lease: from a millisecond to ``MessageLimits/delay``.
    /// - Throws: ``QueueError/unknownQueue(_:)``, ``QueueError/invalidArgument(_:)``, ``QueueError/beyondLimit(_:)``.
    public func receive(_ queue: QueueName, limit: Int = 1, lease: Duration) async throws -> [ReceivedMessage] {
        try MessageLimits.check(.lease, lease)
        try QueueError.demand("limit", limit, in: 1...Int.max, or: QueueError.invalidArgument)
        try QueueError.demand("lease", lease, in: SettingRange.leases, or: QueueError.invalidArgument)
        return try await lookingAgain { try await receiveOnce(queue, limit, lease) }
    }

    private func receiveOnce(
        _ queue: QueueName, _ limit: Int, _ lease: Duration
    ) async throws -> [ReceivedMessage] {
        let entry = try await entry(of: queue)
        let memory = memory(of: entry)
        let claimer = Claimer(consumer: Self.noConsumer, lease: lease, memory: memory)
        let messages = try await take(entry, claimer, limit)
        if !messages.isEmpty { return messages }
        guard try await bringBack(entry, memory) else { return [] }
        return try await take(entry, claimer, limit)
    }

    func entry(of queue: QueueName) async throws -> Catalogue.Entry {
        guard let entry = try await entries(of: [queue], on: database).first else {
            throw QueueError.unknownQueue(queue)
        }
        return entry
    }

    func memory(of entry: Catalogue.Entry) -> ClaimMemory {
        byHand.withLock { memories in
            let memory = memories[entry.id] ?? ClaimMemory()
            memories[entry.id] = memory
            return memory
        }
    }

    private func take(_ entry: Catalogue.Entry, _ claimer: Claimer, _ limit: Int) async throws -> [ReceivedMessage] {
        while true {
            let claim = try await database.perform(isTransaction: entry.isLimited, within: nil) { session in
                try self.receive(entry, by: claimer, limit: min(limit, Self.largestClaim), in: session)
            }
            if !claim.messages.isEmpty || claim.foundNothing { return claim.messages }
        }
    }

    /// Leases that have ended, and scheduled messages that are due: whether there is anything to take now.
    func bringBack(_ entry: Catalogue.Entry, _ memory: ClaimMemory) async throws -> Bool {
        let found = try await watermarks(of: entry, noting: memory)
        if found.open > 0 { _ = try await rescue(entry, from: [], beyond: found.places) }
        return try await promote(entry, on: database).moved > 0
    }

    /// Consumers are processes with a connection of their own; what is taken by hand belongs to none.
    private static let noConsumer: Int64 = 0
}

extension ReceivedMessage {
    /// The message with its payload.
    ///
    /// - Throws: an error with ``Disposition/deadLetter(reason:)``, when the body isn't the JSON of a `Payload`.
    public func decoded<Payload: Codable & Sendable>(as type: Payload.Type = Payload.self) throws -> Delivery<Payload> {
        try decoded(as: type, within: nil)
    }

    func decoded<Payload>(as type: Payload.Type, within trace: ServiceContext?) throws -> Delivery<Payload> {
        do {
            return Delivery(
                received: self, payload: try Payloads.decode(Payload.self, from: message.body), trace: trace)
        } catch {
            throw UnreadablePayload(reason: "\(error)")
        }
    }
}
