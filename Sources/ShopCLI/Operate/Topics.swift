import ArgumentParser
import MessageQueue

struct Topics: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows who hears which topic, with which tags, and how much was published in the last minute.")

    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let (subscriptions, rates) = try await connection.withDatabase { database in
            let broker = Broker(database)
            return (try await broker.topics(), try await broker.topicRates())
        }
        try output.show(subscriptions.map { TopicReport(subscription: $0, perSecond: rates[$0.topic]) }) {
            Table(
                [.text("TOPIC"), .number("PER SECOND"), .text("QUEUE"), .text("TAGS")],
                rows: subscriptions.map { entry in
                    [
                        entry.topic.text, rates[entry.topic].map(Rate.text) ?? "-", entry.queue?.text ?? "nobody",
                        entry.tags?.joined(separator: ", ") ?? "all",
                    ]
                })
        }
    }
}

/// Who hears a topic, and how many messages a second were published to it in the last minute.
private struct TopicReport: Encodable {
    let topic: String
    let queue: String?
    let tags: [String]?
    let perSecond: Double?

    init(subscription: TopicEntry, perSecond: Double?) {
        (topic, queue, tags) = (subscription.topic.text, subscription.queue?.text, subscription.tags)
        self.perSecond = perSecond
    }
}
