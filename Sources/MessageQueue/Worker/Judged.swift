/// A message with what is to become of it, and still to be written down.
struct Judged<Work: Sendable>: Sendable {
    enum Decision: Sendable {
        case commit(Work)
        case fail(Verdict)
        /// Stands behind one of its key that failed, in a queue that keeps order.
        case holdBack
    }

    let message: ReceivedMessage
    let decision: Decision
    /// What is counted once it is written down.
    let outcome: DeliveryOutcome

    init(_ message: ReceivedMessage, _ decision: Decision, _ outcome: DeliveryOutcome) {
        self.message = message
        self.decision = decision
        self.outcome = outcome
    }

    var isWork: Bool { if case .commit = decision { true } else { false } }

    /// Whether later messages of the same key have to wait.
    func blocksKey(under order: KeyOrder) -> Bool {
        switch decision {
        case .commit: false
        case .fail(.deadLetter): order == .blockOnFailure
        case .fail, .holdBack: true
        }
    }
}
