import Foundation
import MessageQueue

/// How everything stands at one instant.
struct Reading: Sendable {
    let queues: [QueueStatistics]
    let topics: [TopicEntry]
    let consumers: [ConsumerEntry]
    let holdings: [Holding]
    let neglected: [ChoreEntry]
    /// Queues that keep the log from being dropped in time.
    var holders: [SegmentHolder] = []
    /// Published a second in the last minute.
    var topicRates: [TopicName: Double] = [:]
    /// These in the last quarter of an hour, the oldest first, since the desk began.
    var topicHistories: [TopicName: [Double]] = [:]
    /// Deliveries a second since the reading before.
    var rates: [QueueName: Double] = [:]
    /// The last quarter of an hour, the oldest first.
    var histories: [QueueName: History] = [:]
    let takenAt = ContinuousClock.now

    /// What was read every fifteen seconds.
    struct History: Sendable {
        /// Deliveries a second.
        var rates: [Double] = []
        /// Messages that waited.
        var depths: [Double] = []
    }

    func queue(_ name: QueueName) -> QueueStatistics? { queues.first { $0.queue == name } }

    /// Each topic once, however many hear it.
    var topicNames: [TopicName] {
        topics.map(\.topic).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}

extension Reading {
    init(of broker: Broker) async throws {
        self.init(
            queues: try await broker.statistics(), topics: try await broker.topics(),
            consumers: try await broker.consumers(), holdings: try await broker.holdings(),
            neglected: try await broker.neglectedChores())
    }
}

/// Rates from readings that follow each other, and their history, which changes every fifteen seconds.
struct RateHistory: Sendable {
    private struct Point { let claimed: Int, at: Date }

    private var last: [QueueName: Point] = [:]
    private var marks: [QueueName: Point] = [:]
    private(set) var histories: [QueueName: Reading.History] = [:]
    private var topics: [TopicName: [Double]] = [:]

    private static let step = 15.0
    /// As many values are kept, those of the last quarter of an hour.
    static let steps = 60

    /// What was before the first reading, as the log tells it: a value for each minute, which stands for as many of ours.
    mutating func recall(_ activity: [QueueName: [ActivityMark]]) {
        for (queue, marks) in activity {
            var past = Reading.History()
            for (one, other) in zip(marks, marks.dropFirst()) {
                let seconds = other.at.timeIntervalSince(one.at)
                let rate = Double(max(0, other.claimed - one.claimed)) / max(seconds, Self.step)
                let count = Int((seconds / Self.step).rounded())
                past.rates += Array(repeating: rate, count: count)
                past.depths += Array(repeating: Double(other.depth), count: count)
            }
            let since = histories[queue] ?? .init()
            past.rates = (past.rates + since.rates).suffix(Self.steps)
            past.depths = (past.depths + since.depths).suffix(Self.steps)
            histories[queue] = past
        }
    }

    /// What is published a second, each time that it is read anew. What nobody hears any more is forgotten.
    mutating func note(_ rates: [TopicName: Double]) {
        let before = topics
        topics = [:]
        for (topic, rate) in rates { topics[topic] = (before[topic] ?? []).suffix(Self.steps - 1) + [rate] }
    }

    mutating func complete(_ reading: inout Reading) {
        for queue in reading.queues {
            let point = Point(claimed: queue.claimed, at: queue.readAt)
            if let before = last[queue.queue] { reading.rates[queue.queue] = Self.rate(from: before, to: point) }
            last[queue.queue] = point
            mark(queue, point)
        }
        let known = Set(reading.queues.map(\.queue))
        histories = histories.filter { known.contains($0.key) }
        (reading.histories, reading.topicHistories) = (histories, topics)
    }

    private mutating func mark(_ queue: QueueStatistics, _ point: Point) {
        guard let before = marks[queue.queue] else { return marks[queue.queue] = point }
        guard point.at.timeIntervalSince(before.at) >= Self.step else { return }
        marks[queue.queue] = point
        var history = histories[queue.queue] ?? .init()
        history.rates = (history.rates + [Self.rate(from: before, to: point)]).suffix(Self.steps)
        history.depths = (history.depths + [Double(queue.depth)]).suffix(Self.steps)
        histories[queue.queue] = history
    }

    /// In a database that was made anew the count begins again.
    private static func rate(from one: Point, to other: Point) -> Double {
        let seconds = other.at.timeIntervalSince(one.at)
        return seconds > 0 ? Double(max(0, other.claimed - one.claimed)) / seconds : 0
    }
}
