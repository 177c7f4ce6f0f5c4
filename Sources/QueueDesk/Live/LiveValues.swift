import Foundation
import MessageQueue

/// What of the pages changes while they are looked at: texts and lines by the names that the pages give to their places.
struct LiveValues: Encodable {
    private(set) var texts: [String: String] = [:]
    private(set) var lines: [String: String] = [:]

    init(_ reading: Reading) {
        for queue in reading.queues { add(queue, in: reading) }
        texts["attention"] = Attention(reading).text
        texts["workers"] = "\(reading.consumers.count)"
    }

    private mutating func add(_ queue: QueueStatistics, in reading: Reading) {
        let numbers: [(Measure, String)] = [
            (.waiting, "\(queue.depth)"), (.inFlight, "\(queue.inFlight)"), (.scheduled, "\(queue.scheduled)"),
            (.retrying, "\(queue.retrying)"), (.held, "\(queue.held)"), (.dead, "\(queue.dead)"),
            (.oldest, SpanText(seconds: queue.oldestWaiting).text),
            (.rate, Self.rate(reading.rates[queue.queue])), (.state, queue.isPaused ? "paused" : ""),
        ]
        for (measure, text) in numbers { texts[measure.name(of: queue.queue)] = text }
        lines[Measure.spark.name(of: queue.queue)] = Spark.points(reading.histories[queue.queue] ?? [])
    }

    private static func rate(_ rate: Double?) -> String {
        guard let rate else { return "–" }
        return rate < 10 ? "\((rate * 10).rounded() / 10)" : "\(Int(rate.rounded()))"
    }

    var json: String {
        // Texts by name can always be encoded.
        (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// The place of a text that changes.
    func place(_ element: String, _ measure: Measure, of queue: QueueName, label: String? = nil) -> HTML {
        let name = measure.name(of: queue)
        return HTML(element, ["data-live": name, "class": label], [.text(texts[name] ?? "–")])
    }

    func points(of queue: QueueName) -> String { lines[Measure.spark.name(of: queue)] ?? "" }
}

/// What is told of a queue.
enum Measure: String, CaseIterable {
    case waiting, inFlight = "in flight", scheduled, retrying, held, dead, oldest, rate, state, spark

    func name(of queue: QueueName) -> String { "\(queue) \(rawValue)" }
}

/// A small line of what was, a hundred wide and twenty high.
enum Spark {
    static let width = 100.0
    static let height = 20.0

    static func points(_ values: [Double]) -> String {
        guard values.count > 1, let most = values.max() else { return "" }
        let scale = most > 0 ? (height - 2) / most : 0
        return values.enumerated().map { index, value in
            let x = width * Double(index) / Double(values.count - 1)
            return "\(rounded(x)),\(rounded(height - 1 - value * scale))"
        }.joined(separator: " ")
    }

    private static func rounded(_ number: Double) -> Double { (number * 10).rounded() / 10 }
}
