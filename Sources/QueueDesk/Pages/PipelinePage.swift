import Foundation
import Hummingbird
import MessageQueue

/// All queues and topics at a glance, live.
struct PipelinePage {
    let desk: QueueDesk

    func add(to router: some RouterMethods) {
        router.get { request, _ in
            let fields = try Fields(query: request)
            let shown = try await desk.readings.shown()
            let (reading, limits) = (shown.reading, desk.readings.limits)
            let (live, attention) = (LiveValues(reading, limits), Attention(reading, limits))
            let queues = Self.shown(reading.queues, named: fields["queue"], troubled: attention.troubled)
            return desk.page(
                "Pipeline", at: "/", from: shown,
                [
                    attention.html(desk), flow(reading, live, attention.troubled), filter(fields), table(queues, live),
                    workers(reading, live), topics(reading, live),
                ])
        }
    }

    private func flow(_ reading: Reading, _ live: LiveValues, _ troubled: Set<QueueName>) -> HTML {
        let picture = FlowPicture(reading, live, troubled: troubled) { desk.path("/queues/\($0.text.queryEscaped)") }
        return HTML(
            "div",
            [
                "class": "scroll flow", "role": "region", "aria-label": "Topics, and who hears them", "tabindex": "0",
                "data-shape": live.shape,
            ],
            [picture.html, picture.rest.map { HTML.paragraph(.text($0)) } ?? ""])
    }

    private func filter(_ fields: Fields) -> HTML {
        HTML(
            "form", ["method": "get", "action": desk.path("/"), "class": "search", "role": "search"],
            [
                .field("Queues with this in their name", .input("queue", fields["queue"], type: "search")),
                HTML("button", [:], ["Filter"]),
            ])
    }

    /// Those that need a person first, each part in the order in which they were made.
    static func shown(
        _ queues: [QueueStatistics], named part: String?, troubled: Set<QueueName>
    ) -> [QueueStatistics] {
        let wanted = part.map { part in
            queues.filter { $0.queue.text.range(of: part, options: .caseInsensitive) != nil }
        }
        let all = wanted ?? queues
        return all.filter { troubled.contains($0.queue) } + all.filter { !troubled.contains($0.queue) }
    }

    private func table(_ queues: [QueueStatistics], _ live: LiveValues) -> HTML {
        HTML.table(
            "Queues",
            [
                "Queue", "#Waiting", "#In flight", "#Scheduled", "#Retrying", "#Held", "#Dead", "#Oldest", "#A second",
                "15 minutes", "",
            ],
            queues.map { queue in
                let columns: [Measure] = [
                    .waiting, .inFlight, .scheduled, .retrying, .held, .dead, .oldest, .rate,
                ]
                return [HTML.link(queue.queue.text, to: desk.path("/queues/\(queue.queue.text.queryEscaped)"))]
                    + columns.map { live.place("span", $0, of: queue.queue) }
                    + [
                        live.spark(.spark, of: queue.queue, label: "Deliveries a second from \(queue.queue)"),
                        live.place("strong", .state, of: queue.queue),
                    ]
            }, empty: "There is no queue like that.")
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
        let entries = Dictionary(grouping: reading.topics, by: \.topic)
        return HTML.table(
            "Topics, and what stands in the queues that hear them",
            [
                "Topic", "#Waiting", "#In flight", "#Scheduled", "#Retrying", "#Dead", "#Oldest", "#Published a second",
                "15 minutes", "Heard by",
            ],
            entries.sorted { $0.key.text < $1.key.text }.map { name, entries in
                let heard = entries.compactMap { entry in
                    entry.queue.map { queue in
                        "\(queue)\(entry.tags.map { " (only \($0.joined(separator: ", ")))" } ?? "")"
                    }
                }
                let columns: [Measure] = [.waiting, .inFlight, .scheduled, .retrying, .dead, .oldest, .rate]
                return [HTML.link(name.text, to: desk.path("/messages", ["topic": name.text]))]
                    + columns.map { live.place("span", $0, of: name) }
                    + [
                        live.spark(named: Measure.spark.name(of: name), label: "Published a second to \(name)"),
                        .text(heard.isEmpty ? "nobody" : heard.joined(separator: ", ")),
                    ]
            }, empty: "No topic has been declared yet.")
    }
}
