/// What became of one delivery, and why, for metrics.
struct DeliveryOutcome: Hashable, Sendable {
    enum Name: String, Sendable { case done, retried, released, held, dead, lost }

    let name: Name
    let reason: String

    static let done = DeliveryOutcome(name: .done, reason: "")
    /// Behind another message of its key.
    static let heldBack = DeliveryOutcome(name: .held, reason: "")
    /// Somebody else has taken over.
    static let leaseLost = DeliveryOutcome(name: .lost, reason: "")
    /// Buried, since the server refuses to store what was to become of it.
    static let refused = DeliveryOutcome(name: .dead, reason: Broker.outcomeRefused)
    /// Given back, since this worker ends.
    static let stopped = DeliveryOutcome(name: .released, reason: "worker-stopped")

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

    private init(name: Name, reason: String) {
        self.name = name
        self.reason = reason
    }
}
