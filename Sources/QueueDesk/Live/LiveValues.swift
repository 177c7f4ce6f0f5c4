import Foundation
import MessageQueue

/// What of the pages changes while they are looked at: texts and lines by the names that the pages give to their places.
struct LiveValues {
    private(set) var texts: [String: String] = [:]
    /// Each changes every fifteen seconds, see ``RateHistory``.
    private(set) var lines: [String: String] = [:]
    private(set) var findings: [Attention.Finding] = []
    /// Changes when there are other queues, topics or workers than before: then the page is asked for anew.
    private(set) var shape = ""

    /// For the page of all queues.
    init(_ reading: Reading, _ limits: Attention.Limits) {
        for queue in reading.queues { add(queue, in: reading) }
        for consumer in reading.consumers { add(consumer, in: reading) }
        let queues = Dictionary(reading.queues.map { ($0.queue, $0) }) { first, _ in first }
        for (topic, entries) in Dictionary(grouping: reading.topics, by: \.topic) {
            add(topic, heardBy: Set(entries.compactMap(\.queue)).compactMap { queues[$0] }, in: reading)
        }
        findings = Attention(reading, limits).findings
        shape = Self.shape(of: reading)
    }

    /// For a queue's own page, which has one line more.
    init(_ reading: Reading, of name: QueueName) {
        guard let queue = reading.queue(name) else { return }
        add(queue, in: reading)
        lines[Measure.depthSpark.name(of: name)] = Spark.points(reading.histories[name]?.depths ?? [])
    }

    private static func shape(of reading: Reading) -> String {
        let parts =
            reading.queues.map(\.queue.text) + reading.topics.map { "\($0.topic) \($0.queue?.text ?? "")" }
            + reading.consumers.map { "\($0.id)" }
        // Of this process alone, which is all that it is compared with.
        return "\(parts.joined(separator: "|").utf8.reduce(UInt64(5381)) { $0 &* 33 &+ UInt64($1) })"
    }

    private mutating func add(_ consumer: ConsumerEntry, in reading: Reading) {
        let held = reading.holdings.filter { $0.consumer == consumer.id }
        texts["worker \(consumer.id) silence"] = SpanText(seconds: consumer.silence).text
        texts["worker \(consumer.id) holds"] =
            held.isEmpty ? "nothing" : held.map { "\($0.queue) \($0.messages)" }.joined(separator: ", ")
        let open = consumer.breakers.keys.sorted()
        texts["worker \(consumer.id) breakers"] = open.isEmpty ? "" : "open for " + open.joined(separator: ", ")
    }

    private mutating func add(_ queue: QueueStatistics, in reading: Reading) {
        let numbers: [(Measure, String)] = [
            (.waiting, "\(queue.depth)"), (.inFlight, "\(queue.inFlight)"), (.scheduled, "\(queue.scheduled)"),
            (.retrying, "\(queue.retrying)"), (.held, "\(queue.held)"), (.dead, "\(queue.dead)"),
            (.oldest, SpanText(seconds: queue.oldestWaiting).text),
            (.rate, Self.rate(reading.rates[queue.queue])), (.state, queue.isPaused ? "paused" : ""),
        ]
        for (measure, text) in numbers { texts[measure.name(of: queue.queue)] = text }
        lines[Measure.spark.name(of: queue.queue)] = Spark.points(reading.histories[queue.queue]?.rates ?? [])
    }

    /// What stands in the queues that hear it, whoever sent it there.
    private mutating func add(_ topic: TopicName, heardBy queues: [QueueStatistics], in reading: Reading) {
        func sum(_ part: (QueueStatistics) -> Int) -> String { "\(queues.map(part).reduce(0, +))" }
        let numbers: [(Measure, String)] = [
            (.waiting, sum(\.depth)), (.inFlight, sum(\.inFlight)), (.scheduled, sum(\.scheduled)),
            (.retrying, sum(\.retrying)), (.dead, sum(\.dead)),
            (.oldest, SpanText(seconds: queues.compactMap(\.oldestWaiting).max()).text),
            (.rate, Self.rate(reading.topicRates[topic])),
        ]
        for (measure, text) in numbers { texts[measure.name(of: topic)] = text }
        lines[Measure.spark.name(of: topic)] = Spark.points(reading.topicHistories[topic] ?? [])
    }

    private static func rate(_ rate: Double?) -> String {
        guard let rate else { return "–" }
        return rate < 10 ? "\((rate * 10).rounded() / 10)" : "\(Int(rate.rounded()))"
    }

    /// The place of a text that changes.
    func place(_ element: String, _ measure: Measure, of queue: QueueName) -> HTML {
        place(element, named: measure.name(of: queue), isAlarming: measure == .dead)
    }

    func place(_ element: String, _ measure: Measure, of topic: TopicName) -> HTML {
        place(element, named: measure.name(of: topic), isAlarming: measure == .dead)
    }

    /// A nought is pale, and what should be one is red when it isn't.
    func place(_ element: String, named name: String, isAlarming: Bool = false) -> HTML {
        let text = texts[name] ?? "–"
        let isNothing = ["0", "0.0", "–", "nothing"].contains(text)
        return HTML(
            element,
            ["data-live": name, "class": isNothing ? "nought" : nil, "data-alarm": isAlarming ? "on" : nil],
            [.text(text)])
    }

    /// A line of the last quarter of an hour.
    func spark(_ measure: Measure, of queue: QueueName, label: String) -> HTML {
        spark(named: measure.name(of: queue), label: label)
    }

    func spark(named name: String, label: String) -> HTML {
        HTML(
            "svg",
            [
                "class": "spark", "viewBox": "0 0 \(Int(Spark.width)) \(Int(Spark.height))", "role": "img",
                "aria-label": "\(label), the last 15 minutes", "preserveAspectRatio": "none",
            ], [HTML("polyline", ["points": lines[name] ?? "", "data-live-points": name])])
    }
}

/// What of the values is different from before.
struct LiveChanges: Encodable {
    let texts, lines: [String: String]
    /// Nil: as before.
    let findings: [Attention.Finding]?
    let shape: String

    var json: String {
        // Texts by name can always be encoded.
        (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

extension LiveValues {
    /// - Parameter before: nil when nothing was told yet: then everything is different.
    func changes(since before: LiveValues?) -> LiveChanges {
        guard let before else { return LiveChanges(texts: texts, lines: lines, findings: findings, shape: shape) }
        return LiveChanges(
            texts: texts.filter { before.texts[$0.key] != $0.value },
            lines: lines.filter { before.lines[$0.key] != $0.value },
            findings: findings == before.findings ? nil : findings, shape: shape)
    }
}

/// What is told of a queue, or of those that hear a topic.
enum Measure: String, CaseIterable {
    case waiting, inFlight = "in flight", scheduled, retrying, held, dead, oldest, rate = "a second", state, spark
    case depthSpark = "depth spark"

    func name(of queue: QueueName) -> String { "\(queue) \(rawValue)" }
    func name(of topic: TopicName) -> String { "topic \(topic) \(rawValue)" }
}

/// A small line of what was, a hundred wide and twenty high: all of the width is the last quarter of an hour. What is known of less
/// than that stands on the right.
enum Spark {
    static let width = 100.0
    static let height = 20.0

    static func points(_ values: [Double]) -> String {
        guard values.count > 1, let most = values.max() else { return "" }
        let scale = most > 0 ? (height - 2) / most : 0
        return values.enumerated().map { index, value in
            let x = width * Double(RateHistory.steps - values.count + index) / Double(RateHistory.steps - 1)
            return "\(rounded(x)),\(rounded(height - 1 - value * scale))"
        }.joined(separator: " ")
    }

    private static func rounded(_ number: Double) -> Double { (number * 10).rounded() / 10 }
}
