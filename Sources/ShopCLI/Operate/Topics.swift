import ArgumentParser
import Postgres

struct Topics: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Shows who hears which topic, and with which tags.")

    @OptionGroup var connection: Connection
    @OptionGroup var output: Output

    private struct Subscription: Encodable {
        let topic: String
        let queue: String?
        let tags: [String]?
    }

    func run() async throws {
        let subscriptions = try await connection.withDatabase { database in
            try await database.query(Self.subscriptions) { row in
                Subscription(topic: try row[0], queue: try row[1], tags: try row[2])
            }
        }
        try output.show(subscriptions) {
            Table(
                [.text("TOPIC"), .text("QUEUE"), .text("TAGS")],
                rows: subscriptions.map { entry in
                    [entry.topic, entry.queue ?? "nobody", entry.tags?.joined(separator: ", ") ?? "all"]
                })
        }
    }

    private static let subscriptions: Statement = """
        SELECT t.name, q.name, s.tags FROM mq.topics t
        LEFT JOIN mq.subscriptions s ON s.topic = t.id LEFT JOIN mq.queues q ON q.id = s.queue
        ORDER BY t.name, q.name
        """
}
