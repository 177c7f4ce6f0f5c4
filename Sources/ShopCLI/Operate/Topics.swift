import ArgumentParser
import MessageQueue

struct Topics: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Shows who hears which topic, and with which tags.")

    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let subscriptions = try await connection.withDatabase { try await Broker($0).topics() }
        try output.show(subscriptions) {
            Table(
                [.text("TOPIC"), .text("QUEUE"), .text("TAGS")],
                rows: subscriptions.map { entry in
                    [entry.topic.text, entry.queue?.text ?? "nobody", entry.tags?.joined(separator: ", ") ?? "all"]
                })
        }
    }
}
