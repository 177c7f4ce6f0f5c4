import Logging
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
    /// Calls of one process for the same queue at the same time share a claim, so a crowd of them costs little more than one.
    ///
    /// Does not wait: an empty answer means that nothing is there, or that the queue is paused or at its limits. See
    /// ``receive(_:limit:lease:waiting:)``.
    /// - Parameters:
    ///   - queue: whose messages.
    ///   - limit: the most that are taken, 1 or more. Of messages with large bodies fewer are taken at once: no more after those whose
    ///     bodies are 32 MiB together, but in a queue that keeps order.
    ///   - lease: from a millisecond to ``MessageLimits/delay``.
    /// - Throws: ``QueueError/unknownQueue(_:)``, ``QueueError/invalidArgument(_:)``, ``QueueError/beyondLimit(_:)``, or
    ///   `CancellationError` when the task was cancelled: what was received for it is given back.
    public func receive(_ queue: QueueName, limit: Int = 1, lease: Duration) async throws -> [ReceivedMessage] {
        try Self.check(limit, lease)
        return try await keepUnlessCancelled(
            tellingCancellation { try await lookingAgain { try await look(into: queue, limit, lease) } })
    }

    /// Who is gone takes nothing.
    func keepUnlessCancelled(_ messages: [ReceivedMessage]) async throws -> [ReceivedMessage] {
        guard Task.isCancelled, !messages.isEmpty else { return messages }
        await uncancelled { [self] in
            do { try await release(messages) } catch {
                logger.info("a message that nobody takes was not given back", metadata: ["error": "\(error)"])
            }
        }
        throw CancellationError()
    }

    static func check(_ limit: Int, _ lease: Duration) throws {
        try MessageLimits.check(.lease, lease)
        try QueueError.demand(limit: limit)
        try QueueError.demand("lease", lease, in: SettingRange.leases, or: QueueError.invalidArgument)
    }

    /// Read for each call: who receives by hand goes by the queue's present settings, and there is no heartbeat that reads them.
    func entry(of queue: QueueName) async throws -> Catalogue.Entry {
        try await lookingAgain {
            try await database.perform(isTransaction: false, within: nil) { session in
                try self.catalogue.reread(queue, in: session)
            }
        }
    }

    func memory(of entry: Catalogue.Entry) -> ClaimMemory {
        byHand.withLock { memories in
            let memory = memories[entry.id] ?? ClaimMemory()
            memories[entry.id] = memory
            return memory
        }
    }
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
