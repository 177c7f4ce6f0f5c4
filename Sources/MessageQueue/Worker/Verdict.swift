/// What becomes of a message whose attempt failed.
enum Verdict: Sendable, Equatable {
    case retry(after: Duration, error: String)
    case deadLetter(reason: String, error: String)
    case release(after: Duration)

    /// - Parameter draw: a random number between -1 and 1, for the jitter.
    init(on error: any Error, attempt: Int, by policy: RetryPolicy, draw: Double) {
        // A text that the server refuses would keep the failure itself from being written down.
        let text = String(describing: error).replacing("\0", with: "")
        switch error.disposition {
        case .deadLetter(let reason): self = .deadLetter(reason: reason.replacing("\0", with: ""), error: text)
        case .snooze(let delay): self = .release(after: delay)
        case .retry, .retryAfter:
            guard attempt < policy.attempts else {
                self = .deadLetter(reason: "attempts-exhausted", error: text)
                return
            }
            self = .retry(after: error.delay ?? policy.backoff(after: attempt, draw: draw), error: text)
        }
    }
}

extension Error {
    /// What the error asks for; one that asks for nothing means a retry.
    var disposition: Disposition { (self as? any StepFailure)?.disposition ?? .retry }

    fileprivate var delay: Duration? { if case .retryAfter(let delay) = disposition { delay } else { nil } }
}

/// The step took longer than it may.
struct StepTimedOut: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "preparing took longer than \(limit)" }
}
