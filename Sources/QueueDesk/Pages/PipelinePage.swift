import Hummingbird
import MessageQueue

/// All queues and topics at a glance, live.
struct PipelinePage {
    let desk: QueueDesk

    func add(to router: some RouterMethods) {
        router.get { _, _ in
            let shown = try await desk.readings.shown()
            let reading = shown.reading
            let live = LiveValues(reading, desk.readings.limits)
            return desk.page(
                "Pipeline", at: "/", from: shown,
                [
                    Attention(reading, desk.readings.limits).html(desk), flow(reading, live), table(reading, live),
                    workers(reading, live), topics(reading, live),
                ])
        }
    }

    private func flow(_ reading: Reading, _ live: LiveValues) -> HTML {
        let picture = FlowPicture(reading, live) { desk.path("/queues/\($0.text.queryEscaped)") }
        return HTML(
            "div",
            [
                "class": "scroll flow", "role": "region", "aria-label": "Topics, and who hears them", "tabindex": "0",
                "data-shape": live.shape,
            ],
            [picture.html])
    }

    private func table(_ reading: Reading, _ live: LiveValues) -> HTML {
        HTML.table(
            "Queues",
            [
                "Queue", "#Waiting", "#In flight", "#Scheduled", "#Retrying", "#Held", "#Dead", "#Oldest", "#A second",
                "15 minutes", "",
            ],
            reading.queues.map { queue in
                let columns: [Measure] = [
                    .waiting, .inFlight, .scheduled, .retrying, .held, .dead, .oldest, .rate,
                ]
                return [HTML.link(queue.queue.text, to: desk.path("/queues/\(queue.queue.text.queryEscaped)"))]
                    + columns.map { live.place("span", $0, of: queue.queue) }
                    + [
                        live.spark(.spark, of: queue.queue, label: "Deliveries a second from \(queue.queue)"),
                        live.place("strong", .state, of: queue.queue),
                    ]
            }, empty: "No queue has been declared yet.")
    }

    private func workers(_ reading: Reading, _ live: LiveValues) -> HTML {
        HTML.table(
            "Workers", ["Worker", "Version", "Host", "#Process", "Since", "Last sign of life", "Holds", "Breaker"],
            reading.consumers.map { consumer in
                let name = "worker \(consumer.id)"
                return [
                    .text(consumer.name), .text(consumer.version), .text(consumer.host), .text("\(consumer.pid)"),
                    .time(DateText(consumer.startedAt)),
                    HTML("span", [:], [live.place("span", named: "\(name) silence"), " ago"]),
                    live.place("span", named: "\(name) holds"), live.place("strong", named: "\(name) breakers"),
                ]
            }, empty: "Nobody receives messages.")
    }

    /// What the picture shows, to be read.
    private func topics(_ reading: Reading, _ live: LiveValues) -> HTML {
        HTML.table(
            "Topics", ["Topic", "#A second", "Heard by"],
            reading.topicNames.map { name in
                let heard = reading.topics.filter { $0.topic == name }.compactMap { entry in
                    entry.queue.map { queue in
                        "\(queue)\(entry.tags.map { " (only \($0.joined(separator: ", ")))" } ?? "")"
                    }
                }
                return [
                    HTML.link(name.text, to: desk.path("/messages", ["topic": name.text])),
                    live.place("span", named: LiveValues.rate(of: name)),
                    .text(heard.isEmpty ? "nobody" : heard.joined(separator: ", ")),
                ]
            }, empty: "No topic has been declared yet.")
    }
}
