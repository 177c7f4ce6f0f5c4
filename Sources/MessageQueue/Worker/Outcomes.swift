/// What is to become of a batch, sorted by what has to be written.
struct Outcomes<Work: Sendable>: Sendable {
    var work: [Work] = []
    var done: [ReceivedMessage] = []
    var retries: [Broker.Retry] = []
    var rejections: [Broker.Rejection] = []
    var releases: [Duration: [ReceivedMessage]] = [:]
    var heldBack: [ReceivedMessage] = []
    /// What is counted beside the work that is done.
    var otherThanDone: [DeliveryOutcome] = []

    init(of batch: [Judged<Work>]) {
        for judged in batch {
            let message = judged.message
            if judged.outcome != .done { otherThanDone.append(judged.outcome) }
            switch judged.decision {
            case .commit(let one):
                work.append(one)
                done.append(message)
            case .fail(.retry(let delay, let error)): retries.append(.init(message, after: delay, error: error))
            case .fail(.deadLetter(let reason, let error)):
                rejections.append(.init(message, reason: reason, error: error))
            case .fail(.release(let delay)): releases[delay, default: []].append(message)
            case .holdBack: heldBack.append(message)
            }
        }
    }
}
