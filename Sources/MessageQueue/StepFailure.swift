/// An error that says itself what should become of the message; any other error means ``Disposition/retry``.
public protocol StepFailure: Error {
    var disposition: Disposition { get }
}

/// What should become of a message that failed.
public enum Disposition: Sendable, Equatable {
    /// Again, after the queue's back-off.
    case retry
    /// Again, after this time, which is shortened to ``MessageLimits/delay``.
    case retryAfter(Duration)
    /// Never again; an operator has to look at it. The reason is cut to ``MessageLimits/reasonBytes``.
    case deadLetter(reason: String)
    /// Later, without counting the attempt; after ``MessageLimits/delay`` at the latest.
    case snooze(Duration)
}

/// The message's own fault: it can't be read as what the step expects, and never will be.
struct UnreadablePayload: StepFailure, CustomStringConvertible {
    let reason: String
    var disposition: Disposition { .deadLetter(reason: "unreadable-payload") }
    var description: String { "the payload can't be read: \(reason)" }
}
