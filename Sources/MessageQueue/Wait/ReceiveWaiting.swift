extension Broker {
    /// As ``receive(_:limit:lease:)``, but when nothing is there, waits for it: a long poll.
    ///
    /// Guarantee: returns as soon as something can be received, also what becomes due meanwhile and what somebody else's lease has
    /// ended for, and with nothing once the time has passed. Callers of one process who wait for the same queue are served in the order
    /// of their coming. Ten thousand of them cost the database no more than one does, also when each comes again as soon as its time has
    /// passed: where nothing was there, and nothing has rung since, nobody asks. The call outlasts a restart of the server.
    ///
    /// When the calling task is cancelled, nothing is taken: what was just received for it is given back, with no attempt counted.
    /// - Parameters:
    ///   - queue: whose messages.
    ///   - limit: the most that are taken, 1 or more. It is not waited for so many: what is there first, is taken.
    ///   - lease: from a millisecond to ``MessageLimits/delay``.
    ///   - waiting: how long, up to ``MessageLimits/delay``; zero or less is not at all.
    /// - Throws: as that, `CancellationError`, or `PostgresError` when the database could not be asked when the time had passed.
    public func receive(
        _ queue: QueueName, limit: Int = 1, lease: Duration, waiting: Duration
    ) async throws -> [ReceivedMessage] {
        try MessageLimits.check(.waiting, waiting)
        try Task.checkCancellation()
        if waiting <= .zero || !waitingRoom.isKnownEmpty(queue) {
            let messages = try await receive(queue, limit: limit, lease: lease)
            if !messages.isEmpty || waiting <= .zero { return messages }
        } else {
            try Self.check(limit, lease)
        }
        let wish = WaitingWish(limit: limit, lease: lease)
        return try await keepUnlessCancelled(
            waitingRoom.wait(for: queue, wish, atMost: waiting.withinLimits, with: self))
    }
}
