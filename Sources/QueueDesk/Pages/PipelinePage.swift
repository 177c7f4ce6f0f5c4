import Hummingbird
import MessageQueue

/// All queues and topics at a glance, live.
struct PipelinePage {
    let desk: QueueDesk

    func add(to router: some RouterMethods) {
        router.get { _, _ in
            let reading = try await desk.readings.current()
            let live = LiveValues(reading)
            return desk.page(
                "Pipeline", at: "/",
                [
                    attention(live), flow(reading, live), table(reading, live), workers(reading),
                ])
        }
    }

    private func attention(_ live: LiveValues) -> HTML {
        let text = live.texts["attention"] ?? ""
        return HTML("p", ["class": "attention", "role": "status", "data-live": "attention"], [.text(text)])
    }

    private func flow(_ reading: Reading, _ live: LiveValues) -> HTML {
        let picture = FlowPicture(reading, live) { desk.path("/queues/\($0.text.queryEscaped)") }
        return HTML(
            "div",
            ["class": "scroll flow", "role": "region", "aria-label": "Topics, and who hears them", "tabindex": "0"],
            [picture.html])
    }

    private func table(_ reading: Reading, _ live: LiveValues) -> HTML {
        HTML.table(
            "Queues",
            ["Queue", "Waiting", "In flight", "Scheduled", "Retrying", "Held", "Dead", "Oldest", "A second", ""],
            reading.queues.map { queue in
                let columns: [Measure] = [
                    .waiting, .inFlight, .scheduled, .retrying, .held, .dead, .oldest, .rate, .state,
                ]
                return [HTML.link(queue.queue.text, to: desk.path("/queues/\(queue.queue.text.queryEscaped)"))]
                    + columns.map { live.place("span", $0, of: queue.queue) }
            }, empty: "No queue has been declared yet.")
    }

    private func workers(_ reading: Reading) -> HTML {
        HTML.table(
            "Workers", ["Worker", "Version", "Host", "Process", "Since", "Silent for"],
            reading.consumers.map { consumer in
                [
                    .text(consumer.name), .text(consumer.version), .text(consumer.host), .text("\(consumer.pid)"),
                    .time(DateText(consumer.startedAt)), .text(SpanText(seconds: consumer.silence).text),
                ]
            }, empty: "Nobody receives messages.")
    }
}
