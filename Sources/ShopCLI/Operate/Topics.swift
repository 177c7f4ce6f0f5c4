import ArgumentParser
import MessageQueue

struct Topics: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows who hears which topic, with which tags, how much was published lately, and what stands there.")

    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let reports = try await connection.withDatabase { database in
            let broker = Broker(database)
            let (subscriptions, rates) = (try await broker.topics(), try await broker.topicRates())
            let queues = Dictionary(try await broker.statistics().map { ($0.queue, $0) }) { first, _ in first }
            return subscriptions.map { entry in
                TopicReport(entry, perSecond: rates[entry.topic], entry.queue.flatMap { queues[$0] })
            }
        }
        try output.show(reports) { TopicReport.table(reports) }
    }
}

/// Who hears a topic, how many messages a second were published to it in the last minute, and what stands in the queue,
/// whoever sent it there.
private struct TopicReport: Encodable {
    let topic: String
    let queue: String?
    let tags: [String]?
    let perSecond: Double?
    let waiting, inFlight, scheduled, retrying, dead: Int?
    let oldestWaitingSeconds: Double?

    init(_ subscription: TopicEntry, perSecond: Double?, _ hearer: QueueStatistics?) {
        (topic, queue, tags) = (subscription.topic.text, subscription.queue?.text, subscription.tags)
        self.perSecond = perSecond
        (waiting, inFlight, scheduled) = (hearer?.depth, hearer?.inFlight, hearer?.scheduled)
        (retrying, dead) = (hearer?.retrying, hearer?.dead)
        oldestWaitingSeconds = hearer?.oldestWaiting
    }

    static func table(_ reports: [TopicReport]) -> Table {
        Table(
            [
                .text("TOPIC"), .number("PER SECOND"), .text("QUEUE"), .text("TAGS"), .number("WAITING"),
                .number("IN FLIGHT"), .number("SCHEDULED"), .number("RETRYING"), .number("DEAD"), .number("OLDEST"),
            ],
            rows: reports.map { report in
                let counts = [report.waiting, report.inFlight, report.scheduled, report.retrying, report.dead]
                return [
                    report.topic, report.perSecond.map(Rate.text) ?? "-", report.queue ?? "nobody",
                    report.tags?.joined(separator: ", ") ?? "all",
                ] + counts.map { $0.map { "\($0)" } ?? "-" }
                    + [report.oldestWaitingSeconds.map { Span(seconds: $0).text } ?? "-"]
            })
    }
}
