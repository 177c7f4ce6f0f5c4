import Durations
public import Postgres

extension Broker {
    /// Stores messages in a queue unless one with the same key was stored there before, in the caller's transaction.
    ///
    /// Guarantee: of sends with the same key to the same queue within `period`, at the same time or one after the other, one
    /// is committed. A sender that lost its connection may so repeat what it sent. Costs a row and a round trip more than
    /// ``send(_:to:in:)-(_,Queue<P>,_)``; waits for a transaction that is just sending the same key.
    /// - Parameters:
    ///   - messages: to be sent, or left out.
    ///   - queue: where each key counts by itself.
    ///   - key: names what must be sent once; by default, and for messages that it names none for, the message's own id. So
    ///     `by: \.key` never takes two messages without a key for one.
    ///   - period: how long the key is remembered; ``MessageLimits/delay`` at most.
    ///   - session: the caller's transaction.
    /// - Returns: how many were new.
    /// - Throws: as ``send(_:to:in:)-(_,Queue<P>,_)``, also for a key or a period beyond the limits.
    @discardableResult
    public func sendOnce<P>(
        _ messages: [Outgoing<P>], to queue: Queue<P>, by key: (Outgoing<P>) -> String? = { $0.id.description },
        within period: Duration = .seconds(3 * 86_400), in session: borrowing Session
    ) throws -> Int {
        let entry = try catalogue.queue(queue.name, in: session)
        let keys = messages.map { key($0) ?? $0.id.description }
        for (message, key) in zip(messages, keys) { try MessageLimits.check(sendOnceKey: key, of: message.id) }
        try MessageLimits.check(.memory, period)
        var fresh = Set(
            try session.query(
                SentKeys.ofQueues.take, entry.id, Set(keys).sorted(), period.withinLimits.inSeconds
            ) { try $0[0, as: String.self] })
        let new = zip(messages, keys).filter { fresh.remove($0.1) != nil }.map(\.0)
        try send(new.map { try Packed($0) }, to: entry, in: session)
        return new.count
    }

    /// As ``sendOnce(_:to:by:within:in:)``, in a transaction of its own.
    @discardableResult
    public func sendOnce<P>(
        _ messages: [Outgoing<P>], to queue: Queue<P>,
        by key: @escaping @Sendable (Outgoing<P>) -> String? = { $0.id.description },
        within period: Duration = .seconds(3 * 86_400)
    ) async throws -> Int {
        try await writeLookingAgain(on: database) {
            try self.sendOnce(messages, to: queue, by: key, within: period, in: $0)
        }
    }
}
