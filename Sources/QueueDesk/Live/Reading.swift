import Foundation
import MessageQueue

/// How everything stands at one instant.
struct Reading: Sendable {
    let queues: [QueueStatistics]
    let topics: [TopicEntry]
    let consumers: [ConsumerEntry]
    let neglected: [ChoreEntry]
    /// Deliveries a second since the reading before.
    var rates: [QueueName: Double] = [:]
    /// Deliveries a second of the last quarter of an hour, the oldest first.
    var histories: [QueueName: [Double]] = [:]
    let takenAt = ContinuousClock.now

    init(of broker: Broker) async throws {
        queues = try await broker.statistics()
        topics = try await broker.topics()
        consumers = try await broker.consumers()
        neglected = try await broker.neglectedChores()
    }

    func queue(_ name: QueueName) -> QueueStatistics? { queues.first { $0.queue == name } }
}

/// Rates from readings that follow each other, and their history.
struct RateHistory: Sendable {
    private struct Point { let claimed: Int, at: Date }

    private var last: [QueueName: Point] = [:]
    private var marks: [QueueName: Point] = [:]
    private var histories: [QueueName: [Double]] = [:]

    private static let step = 15.0
    private static let steps = 60

    mutating func complete(_ reading: inout Reading) {
        for queue in reading.queues {
            let point = Point(claimed: queue.claimed, at: queue.readAt)
            if let before = last[queue.queue] { reading.rates[queue.queue] = Self.rate(from: before, to: point) }
            last[queue.queue] = point
            mark(queue.queue, point)
        }
        let known = Set(reading.queues.map(\.queue))
        histories = histories.filter { known.contains($0.key) }
        reading.histories = histories
    }

    private mutating func mark(_ queue: QueueName, _ point: Point) {
        guard let before = marks[queue] else { return marks[queue] = point }
        guard point.at.timeIntervalSince(before.at) >= Self.step else { return }
        marks[queue] = point
        histories[queue] = ((histories[queue] ?? []) + [Self.rate(from: before, to: point)]).suffix(Self.steps)
    }

    /// In a database that was made anew the count begins again.
    private static func rate(from one: Point, to other: Point) -> Double {
        let seconds = other.at.timeIntervalSince(one.at)
        return seconds > 0 ? Double(max(0, other.claimed - one.claimed)) / seconds : 0
    }
}
