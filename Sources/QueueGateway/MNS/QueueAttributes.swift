import Durations
import Foundation
import MessageQueue

/// What a client may set of a queue; nil is what it leaves alone.
struct QueueAttributes: Equatable {
    var visibilityTimeout, maximumMessageSize, retentionPeriod, delaySeconds, pollingWaitSeconds: Int?
    var loggingEnabled: Bool?

    static let visibilities = 1...43_200
    static let sizes = 1024...65_536
    static let retentions = 60...604_800
    static let delays = 0...604_800
    static let waits = 0...30

    init() {}

    /// - Throws: ``Refusal`` for another root, and for what lies outside of its range.
    init(_ body: [UInt8]) throws {
        guard !body.isEmpty else { return }
        let root = try XMLReader.read(body)
        guard root.name == "Queue" else { throw Refusal.wrongRoot("Queue") }
        visibilityTimeout = try root.number("VisibilityTimeout", in: Self.visibilities)
        maximumMessageSize = try root.number("MaximumMessageSize", in: Self.sizes)
        retentionPeriod = try root.number("MessageRetentionPeriod", in: Self.retentions)
        delaySeconds = try root.number("DelaySeconds", in: Self.delays)
        pollingWaitSeconds = try root.number("PollingWaitSeconds", in: Self.waits)
        loggingEnabled = try root.flag("LoggingEnabled")
    }

    /// Those of a queue as it is set up, whoever made it.
    init(_ entry: QueueEntry) {
        visibilityTimeout = Int(entry.settings.lease.inSeconds.rounded(.up))
        maximumMessageSize = entry.labels.number(.maximumMessageSize) ?? Self.sizes.upperBound
        retentionPeriod = Int((entry.settings.retention ?? .longest).inSeconds)
        delaySeconds = Int(entry.settings.delay.inSeconds)
        pollingWaitSeconds = entry.labels.number(.pollingWait) ?? 0
        loggingEnabled = entry.labels[QueueLabel.logging.rawValue] == "true"
    }

    /// Whether everything that is told is so; what a client does not name, it does not ask for.
    func agree(with all: QueueAttributes) -> Bool {
        func agrees<T: Equatable>(_ own: T?, _ other: T?) -> Bool { own == nil || own == other }
        return agrees(visibilityTimeout, all.visibilityTimeout) && agrees(maximumMessageSize, all.maximumMessageSize)
            && agrees(retentionPeriod, all.retentionPeriod) && agrees(delaySeconds, all.delaySeconds)
            && agrees(pollingWaitSeconds, all.pollingWaitSeconds) && agrees(loggingEnabled, all.loggingEnabled)
    }

    /// Writes what is told into a queue's setting.
    func set(_ settings: inout QueueSettings, _ labels: inout [String: String]) {
        if let visibilityTimeout { settings.lease = .seconds(visibilityTimeout) }
        if let retentionPeriod { settings.retention = .seconds(retentionPeriod) }
        if let delaySeconds { settings.delay = .seconds(delaySeconds) }
        if let maximumMessageSize { labels[QueueLabel.maximumMessageSize.rawValue] = "\(maximumMessageSize)" }
        if let pollingWaitSeconds { labels[QueueLabel.pollingWait.rawValue] = "\(pollingWaitSeconds)" }
        if let loggingEnabled { labels[QueueLabel.logging.rawValue] = "\(loggingEnabled)" }
    }
}

/// What is noted of queues and topics that the engine has no setting for.
enum QueueLabel: String {
    case maximumMessageSize = "gateway.maximum-message-size"
    case pollingWait = "gateway.polling-wait"
    case logging = "gateway.logging"
}

extension [String: String] {
    func number(_ label: QueueLabel) -> Int? { self[label.rawValue].flatMap { Int($0) } }
}

extension QueueSettings {
    /// Of a queue that a client makes and says nothing of: it is tried again for as long as its messages are kept.
    static var ofMNS: QueueSettings {
        QueueSettings(
            lanes: 4, lease: .seconds(30), retry: RetryPolicy(attempts: 32_000, base: .zero, cap: .zero, jitter: 0),
            priorities: .sixteen, retention: .seconds(345_600))
    }
}
