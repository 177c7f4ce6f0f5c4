public import Foundation
public import Postgres

/// A message that was given up: kept until an operator redrives or purges it.
public struct DeadLetter: Sendable {
    /// Its number among the dead letters, in the order of their deaths.
    public let ticket: Int64
    /// The queue that it died in.
    public let queue: QueueName
    /// The message itself.
    public let message: Message
    /// How often it was delivered.
    public let attempts: Int
    /// A short class to select by: `attempts-exhausted`, `worker-lost`, `unreadable-payload`, `outcome-refused`, or what a step,
    /// or who received it by hand, said. See <doc:RetriesAndDeadLetters>.
    public let reason: String
    /// The text of the last error.
    public let error: String?
    /// By the database's clock.
    public let diedAt: Date
    /// What became of each attempt, or of the last ``MessageLimits/historyAttempts``, as JSON: `[{"attempt", "outcome",
    /// "at", "error"}, ...]`.
    public let history: String?
}

/// A dead letter without what it says.
public struct DeadLetterHead: Sendable {
    /// Its number among the dead letters, in the order of their deaths.
    public let ticket: Int64
    /// The queue that it died in.
    public let queue: QueueName
    /// The message.
    public let message: MessageID
    /// What the message is about.
    public let key: String?
    /// How often it was delivered.
    public let attempts: Int
    /// A short class to select by, see ``DeadLetter/reason``.
    public let reason: String
    /// The text of the last error.
    public let error: String?
    /// By the database's clock.
    public let diedAt: Date
}

extension Broker {
    /// Why a message is given up.
    public struct Rejection: Sendable {
        /// The delivery that failed for good.
        public let message: ReceivedMessage
        /// A short class to select by, such as `attempts-exhausted`.
        public let reason: String
        /// The text of the error, if there was one.
        public let error: String?

        /// Asks for this delivery to be given up.
        ///
        /// - Parameters:
        ///   - message: the delivery that failed.
        ///   - reason: cut to ``MessageLimits/reasonBytes``.
        ///   - error: cut to ``MessageLimits/errorBytes``.
        public init(_ message: ReceivedMessage, reason: String, error: String?) {
            self.message = message
            self.reason = reason.storable(upTo: MessageLimits.reasonBytes)
            self.error = error?.storable(upTo: MessageLimits.errorBytes)
        }

        var reasonAndError: String { error.map { "\(reason): \($0)" } ?? reason }
    }

    /// Moves messages to the dead letters, with their reason and the history of their attempts.
    ///
    /// Guarantee: only the holder of the current lease can do this; a dead letter stays until an operator redrives or
    /// purges it. In a queue with ``KeyOrder/blockOnFailure`` a message with a key blocks its key instead.
    public func deadLetter(_ rejections: [Rejection], in session: borrowing Session) {
        guard !rejections.isEmpty, origin(of: rejections.map(\.message), in: session) != nil else { return }
        let (blocking, dying) = rejections.partitioned { order(of: $0.message) == .blockOnFailure }
        if !dying.isEmpty {
            finish(dying.map(\.message), as: .dead, errors: dying.map(\.error), in: session)
            bury(dying, in: session)
        }
        if !blocking.isEmpty {
            finish(blocking.map(\.message), as: .held, errors: blocking.map(\.reasonAndError), in: session)
            block(blocking, in: session)
        }
    }

    /// As ``deadLetter(_:in:)``, in a transaction of its own.
    public func deadLetter(_ rejections: [Rejection]) async throws {
        try await writeLookingAgain(on: database) { self.deadLetter(rejections, in: $0) }
    }
}
