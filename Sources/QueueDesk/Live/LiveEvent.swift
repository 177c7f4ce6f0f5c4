import Foundation
import MessageQueue

/// What a page that stays open is told.
enum LiveEvent: Sendable {
    /// How everything stands.
    case step(LiveStep)
    /// Since then nothing could be read: what the page shows is as old.
    case stale(since: Date)
}

/// One reading after the other, made ready for the pages that look at all queues: once, however many they are.
struct LiveStep: Sendable {
    let number: Int
    let reading: Reading
    let values: LiveValues
    /// What is different from the step before.
    let changes: String

    init(_ reading: Reading, _ limits: Attention.Limits, after before: LiveStep?) {
        number = (before?.number ?? 0) + 1
        self.reading = reading
        values = LiveValues(reading, limits)
        changes = values.changes(since: before?.values).json
    }
}

/// What one open page has been told: first everything, and then what is different.
struct LiveListener {
    /// Whose page it is; nil for the one of all queues.
    private let queue: QueueName?
    private var told: LiveValues?
    private var last: Int?

    init(of queue: QueueName?) { self.queue = queue }

    /// As a server-sent event (HTML, section 9.2.6). One that tells of no change is a sign of life.
    mutating func text(of event: LiveEvent) -> String {
        switch event {
        case .step(let step): "data: \(changes(by: step))\n\n"
        case .stale(let since): "event: stale\ndata: {\"since\":\"\(since.formatted(.iso8601))\"}\n\n"
        }
    }

    /// Who has missed no step is told what all are told.
    private mutating func changes(by step: LiveStep) -> String {
        let before = told
        let isNext = last == step.number - 1
        last = step.number
        guard let queue else {
            told = step.values
            return isNext ? step.changes : step.values.changes(since: before).json
        }
        let values = LiveValues(step.reading, of: queue)
        told = values
        return values.changes(since: before).json
    }
}
