import Durations
public import Postgres

extension Broker {
    /// Gives messages back without counting the attempt: at a shutdown, or to look at them again later.
    ///
    /// Guarantee: as with ``retry(_:in:)``.
    /// - Parameters:
    ///   - messages: as they were received.
    ///   - delay: shortened to ``MessageLimits/delay``.
    ///   - session: the caller's transaction.
    public func release(
        _ messages: [ReceivedMessage], after delay: Duration = .zero, in session: borrowing Session
    ) {
        guard !messages.isEmpty else { return }
        let delay = delay.withinLimits
        finish(messages, as: .released, in: session)
        let (ordered, free) = messages.partitioned { keepsOrder($0) }
        putBack(free.map { Returning($0, attempt: $0.attempt, delay: delay) }, in: session)
        hold(ordered.map { HeldMessage($0, attempt: $0.attempt, delay: delay.inSeconds) }, in: session)
    }

    /// As ``release(_:after:in:)``, in a transaction of its own.
    public func release(_ messages: [ReceivedMessage], after delay: Duration = .zero) async throws {
        try await writeLookingAgain(on: database) { self.release(messages, after: delay, in: $0) }
    }
}
