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
    /// Put off, since the server refuses even its dead letter, or for something that somebody may mend.
    static let unburied = DeliveryOutcome(name: .retried, reason: "dead-letter-refused")
    /// Given back, since this worker ends.
    static let stopped = DeliveryOutcome(name: .released, reason: "worker-stopped")
}
