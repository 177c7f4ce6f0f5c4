import Durations
public import Postgres

extension Broker {
    /// What went wrong with one delivery, and when it should be tried again.
    public struct Retry: Sendable {
        /// The delivery that failed.
        public let message: ReceivedMessage
        /// Until it is delivered again.
        public let delay: Duration
        /// Why it failed, for traces and the history of a dead letter.
        public let error: String

        /// Asks for another try of this delivery.
        ///
        /// - Parameters:
        ///   - message: the delivery that failed.
        ///   - delay: shortened to ``MessageLimits/delay``.
        ///   - error: cut to ``MessageLimits/errorBytes``.
        public init(_ message: ReceivedMessage, after delay: Duration, error: String) {
            self.message = message
            self.delay = delay.withinLimits
            self.error = error.storable(upTo: MessageLimits.errorBytes)
        }
    }

    /// Gives failed messages back, to be delivered again after a delay, each with its attempt counted.
    ///
    /// Guarantee: only the holder of the current lease can do this; otherwise the transaction fails with
    /// ``QueueError/leaseLost(queue:message:)``. In a queue that keeps order, the message's key waits with it.
    public func retry(_ retries: [Retry], in session: borrowing Session) {
        guard !retries.isEmpty else { return }
        finish(retries.map(\.message), as: .retried, errors: retries.map(\.error), in: session)
        let (ordered, free) = retries.partitioned { keepsOrder($0.message) }
        putBack(free.map { Returning($0.message, attempt: $0.message.attempt + 1, delay: $0.delay) }, in: session)
        hold(
            ordered.map {
                HeldMessage($0.message, attempt: $0.message.attempt + 1, delay: $0.delay.inSeconds, error: $0.error)
            }, in: session)
    }

    /// As ``retry(_:in:)``, in a transaction of its own.
    public func retry(_ retries: [Retry]) async throws {
        try await writeLookingAgain(on: database) { self.retry(retries, in: $0) }
    }
}
