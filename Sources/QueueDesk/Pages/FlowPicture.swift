import MessageQueue

/// Topics on the left, queues on the right, and who hears what between them; drawn from what is declared.
///
/// Of more queues than anybody overlooks the troubled and the busiest ones are drawn, and the topics that these hear.
struct FlowPicture {
    private let reading: Reading
    private let live: LiveValues
    private let link: (QueueName) -> String
    private let topics: [TopicName]
    private let queues: [QueueName]
    /// What is not drawn; nil when everything is.
    let rest: String?

    private static let most = 40
    private static let width = 1000
    private static let row = 64
    private static let topicWidth = 220
    private static let queueWidth = 500

    init(
        _ reading: Reading, _ live: LiveValues, troubled: Set<QueueName>, link: @escaping (QueueName) -> String
    ) {
        self.reading = reading
        self.live = live
        self.link = link
        let queues = Self.chosen(reading, troubled)
        self.queues = queues
        // Each topic stands at about the height of those that hear it, so that few lines cross.
        let all = Dictionary(grouping: reading.topics, by: \.topic)
        let heights = all.compactMapValues { Self.height(of: $0, beside: queues) }
        let sorted = heights.sorted { ($0.value, $0.key.text) < ($1.value, $1.key.text) }
        topics = sorted.prefix(Self.most).map(\.key)
        rest = Self.told(reading.queues.count - queues.count, all.count - topics.count)
    }

    /// Nil where those that hear the topic are not drawn.
    private static func height(of topic: [TopicEntry], beside queues: [QueueName]) -> Double? {
        let hearers = topic.compactMap(\.queue)
        let heard = hearers.compactMap { queues.firstIndex(of: $0) }
        if heard.isEmpty { return hearers.isEmpty ? Double(queues.count) : nil }
        return Double(heard.reduce(0, +)) / Double(heard.count)
    }

    /// In the order in which they were made.
    private static func chosen(_ reading: Reading, _ troubled: Set<QueueName>) -> [QueueName] {
        let all = reading.queues.map(\.queue)
        guard all.count > most else { return all }
        let ranks = reading.queues.enumerated().map { index, queue in
            let isTroubled = troubled.contains(queue.queue) ? 1 : 0
            return (isTroubled, reading.rates[queue.queue] ?? 0, queue.depth + queue.inFlight, -index)
        }
        return ranks.sorted { $0 > $1 }.prefix(most).map { -$0.3 }.sorted().map { all[$0] }
    }

    private static func told(_ queues: Int, _ topics: Int) -> String? {
        let parts = [(queues, "more queue"), (topics, "more topic")].filter { $0.0 > 0 }
        let texts = parts.map { CountText($0.0, $0.1).description }
        return texts.isEmpty ? nil : "and \(texts.joined(separator: ", ")): the tables below have them all"
    }

    var html: HTML {
        let height = Self.row * max(topics.count, queues.count, 1)
        return HTML(
            "svg",
            [
                "viewBox": "0 0 \(Self.width) \(height)", "role": "group",
                "aria-label": "Topics and the queues that hear them",
            ],
            reading.topics.compactMap(edge) + topics.map(topic) + queues.map(queue))
    }

    private func middle(_ index: Int, of count: Int) -> Int {
        let rows = max(topics.count, queues.count)
        return (2 * index + 1) * Self.row * rows / (2 * count)
    }

    private func edge(_ entry: TopicEntry) -> HTML? {
        guard let queue = entry.queue, let from = topics.firstIndex(of: entry.topic),
            let to = queues.firstIndex(of: queue)
        else { return nil }
        let (x1, x2) = (Self.topicWidth, Self.width - Self.queueWidth)
        let (y1, y2) = (middle(from, of: topics.count), middle(to, of: queues.count))
        let tags = entry.tags.map { " (\($0.joined(separator: ", ")))" } ?? ""
        return HTML(
            "path",
            [
                "class": "edge",
                "d": "M\(x1) \(y1) C\((x1 + x2) / 2) \(y1) \((x1 + x2) / 2) \(y2) \(x2) \(y2)",
            ], [HTML("title", [:], [.text("\(queue) hears \(entry.topic)\(tags)")])])
    }

    private func topic(_ name: TopicName) -> HTML {
        let y = middle(topics.firstIndex(of: name) ?? 0, of: topics.count)
        return HTML(
            "g", ["class": "topic"],
            [
                HTML("title", [:], [.text(name.text)]),
                HTML(
                    "rect",
                    ["x": "1", "y": "\(y - 20)", "width": "\(Self.topicWidth - 2)", "height": "40", "rx": "20"]),
                label(name.text.shortened(to: 26), x: 16, y: y - 2),
                HTML(
                    "text", ["class": "counts", "x": "16", "y": "\(y + 13)"],
                    [live.place("tspan", .rate, of: name), " a second"]),
            ])
    }

    private func queue(_ name: QueueName) -> HTML {
        let (x, y) = (Self.width - Self.queueWidth, middle(queues.firstIndex(of: name) ?? 0, of: queues.count))
        return HTML(
            "a", ["href": link(name)],
            [
                HTML("title", [:], [.text(name.text)]),
                HTML(
                    "rect",
                    [
                        "x": "\(x)", "y": "\(y - 26)", "width": "\(Self.queueWidth - 1)", "height": "52", "rx": "8",
                    ]),
                label(name.text.shortened(to: 26), x: x + 14, y: y - 4, kind: "name"),
                counts(name, x: x + 14, y: y + 15),
                HTML(
                    "svg",
                    [
                        "x": "\(x + 360)", "y": "\(y - 16)", "width": "126", "height": "32", "viewBox": "0 0 100 20",
                        "preserveAspectRatio": "none",
                    ],
                    [
                        HTML(
                            "polyline",
                            [
                                "class": "spark", "points": live.lines[Measure.spark.name(of: name)] ?? "",
                                "data-live-points": Measure.spark.name(of: name),
                            ])
                    ]),
            ])
    }

    private func counts(_ name: QueueName, x: Int, y: Int) -> HTML {
        let parts: [(Measure, String)] = [
            (.waiting, " waiting · "), (.inFlight, " in flight · "), (.rate, " a second · "), (.dead, " dead"),
        ]
        return HTML(
            "text", ["class": "counts", "x": "\(x)", "y": "\(y)"],
            parts.flatMap { [live.place("tspan", $0, of: name), .text($1)] })
    }

    private func label(_ text: String, x: Int, y: Int, kind: String? = nil) -> HTML {
        HTML("text", ["class": kind, "x": "\(x)", "y": "\(y)"], [.text(text)])
    }
}

extension String {
    fileprivate func shortened(to limit: Int) -> String { count > limit ? prefix(limit - 1) + "…" : self }
}
