/// What becomes of a message whose attempt failed.
enum Verdict: Sendable, Equatable {
    case retry(after: Duration, error: String)
    case deadLetter(reason: String, error: String)
    case release(after: Duration)

    /// The same, with its texts in ASCII: a database may have an encoding in which they can't be stored.
    var inASCII: Verdict {
        switch self {
        case .retry(let delay, let error): .retry(after: delay, error: error.inASCII)
        case .deadLetter(let reason, let error): .deadLetter(reason: reason.inASCII, error: error.inASCII)
        case .release: self
        }
    }

    /// - Parameter draw: a random number between -1 and 1, for the jitter.
    init(on error: any Error, attempt: Int, by policy: RetryPolicy, draw: Double) {
        let text = String(describing: error)
        switch error.disposition {
        case .deadLetter(let reason): self = .deadLetter(reason: reason, error: text)
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

extension DeliveryOutcome {
    /// - Parameter error: what the verdict was passed on.
    init(_ verdict: Verdict, on error: any Error) {
        switch verdict {
        case .retry: self.init(name: .retried, reason: "\(type(of: error))")
        // As it is stored: a label is kept as long as the process.
        case .deadLetter(let reason, _):
            self.init(name: .dead, reason: reason.storable(upTo: MessageLimits.reasonBytes))
        case .release:
            let isAskedFor = if case .snooze = error.disposition { true } else { false }
            self.init(name: .released, reason: isAskedFor ? "snoozed" : "breaker-open")
        }
    }
}

extension Error {
    /// What the error asks for; one that asks for nothing means a retry.
    var disposition: Disposition { (self as? any StepFailure)?.disposition ?? .retry }

    fileprivate var delay: Duration? { if case .retryAfter(let delay) = disposition { delay } else { nil } }
}
