import MessageQueue

/// What needs a person.
struct Attention {
    let findings: [String]

    /// Who has waited so long with nobody working has nobody who comes.
    private static let unattended = 30.0
    private static let old = 300.0

    init(_ reading: Reading) {
        findings = reading.queues.flatMap(Self.findings) + Self.upkeep(reading)
    }

    private static func findings(of queue: QueueStatistics) -> [String] {
        let age = queue.oldestWaiting ?? 0
        let isUnattended = age > unattended && queue.inFlight == 0 && !queue.isPaused
        return [
            queue.dead > 0 ? "\(queue.queue) has \(queue.dead) dead \(queue.dead == 1 ? "letter" : "letters")" : nil,
            isUnattended ? "nobody receives from \(queue.queue)" : nil,
            age > old && !isUnattended ? "\(queue.queue) is \(SpanText(seconds: age).text) behind" : nil,
        ].compactMap(\.self)
    }

    private static func upkeep(_ reading: Reading) -> [String] {
        reading.neglected.map { "\($0.name) fails for an hour: \($0.error ?? "no reason was told")" }
    }

    /// Empty when nothing does.
    var text: String {
        findings.isEmpty ? "" : "Needs a person: " + findings.joined(separator: "; ") + "."
    }
}
