/// What becomes of a message that failed.
enum Judgement: Sendable, Equatable {
    case retry(after: Duration, error: String)
    case dead(reason: String, error: String)
    case release(after: Duration)

    /// - Parameter draw: a random number between -1 and 1, for the jitter.
    static func judge(_ error: any Error, attempt: Int, by policy: RetryPolicy, draw: Double) -> Judgement {
        // A text that the server refuses would keep the failure itself from being written down.
        let text = String(describing: error).replacing("\0", with: "")
        switch (error as? any StepFailure)?.disposition ?? .retry {
        case .deadLetter(let reason): return .dead(reason: reason.replacing("\0", with: ""), error: text)
        case .snooze(let delay): return .release(after: delay)
        case .retry, .retryAfter:
            guard attempt < policy.attempts else { return .dead(reason: "attempts-exhausted", error: text) }
            return .retry(after: delay(of: error) ?? policy.backoff(after: attempt, draw: draw), error: text)
        }
    }

    private static func delay(of error: any Error) -> Duration? {
        if case .retryAfter(let delay) = (error as? any StepFailure)?.disposition { delay } else { nil }
    }
}

/// The message's own fault: it can't be read as what the step expects, and never will be.
struct UnreadablePayload: StepFailure, CustomStringConvertible {
    let reason: String
    var disposition: Disposition { .deadLetter(reason: "unreadable-payload") }
    var description: String { "the payload can't be read: \(reason)" }
}

/// The step took longer than it may.
struct StepTimedOut: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "preparing took longer than \(limit)" }
}
