import ArgumentParser
import Foundation
import MessageQueue
import Terminal

struct Messages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Finds messages, shows all that is known of one, and acts on those that are not due yet.",
        subcommands: [
            FindMessages.self, ShowMessage.self, ListScheduled.self, HastenMessages.self, CancelMessages.self,
        ])
}

struct FindMessages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "Lists attempts in a queue or under a topic, the newest first.",
        discussion: """
            shoeshop messages find --queue payment --outcome retried --error timeout
            shoeshop messages find --topic order-processed --since 2026-11-27T17:00:00Z --until 2026-11-27T18:00:00Z

            Messages of an order are found with shoeshop trace. A page looks at 10,000 attempts at the most; when there is
            more, its last line says how to go on.
            """)

    @Option(help: "In this queue.", completion: .queues)
    var queue: String?
    @Option(help: "Among what was published to this topic.")
    var topic: String?
    @Option(help: "Appended then or later: a time as 2026-11-27T17:00:00Z.", transform: Self.time)
    var since: Date?
    @Option(help: "Appended before.", transform: Self.time)
    var until: Date?
    @Option(help: "Sent with this tag.")
    var tag: String?
    @Option(help: "What became of it: \(outcomes).", transform: Self.outcome)
    var outcome: TraceEntry.Outcome?
    @Option(help: "With an error that has this in it.")
    var error: String?
    @Option(help: "Where the page before says that it goes on.", transform: Self.position)
    var from: SearchPosition?
    @Option(help: limits.help("The most that are listed.", default: 50), transform: limits.read)
    var limit = 50
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    private static let limits = Allowed.whole(1...1000)
    private static let outcomes = MessageSearch.outcomes.map(\.rawValue).joined(separator: ", ")

    func validate() throws {
        if (queue == nil) == (topic == nil) { throw ValidationError("Give either --queue or --topic.") }
    }

    func run() async throws {
        let place = queue.map { MessageSearch.Place.queue(QueueName($0)) } ?? .topic(TopicName(topic ?? ""))
        let search = MessageSearch(place, since: since, until: until, tag: tag, outcome: outcome, error: error)
        let page = try await connection.withDatabase {
            try await Broker($0).find(search, from: from, limit: limit)
        }
        try output.show(PageReport(page)) { Table(attempts: page.entries) }
        if let next = page.next, !output.json { Output.print("More: --from \(next)") }
    }

    private static func time(_ text: String) throws -> Date {
        guard let time = try? Date(text, strategy: .iso8601) else {
            throw ValidationError("it must be a time such as 2026-11-27T17:00:00Z")
        }
        return time
    }

    private static func outcome(_ text: String) throws -> TraceEntry.Outcome {
        guard let outcome = TraceEntry.Outcome(rawValue: text), MessageSearch.outcomes.contains(outcome) else {
            throw ValidationError("it must be one of: \(outcomes)")
        }
        return outcome
    }

    private static func position(_ text: String) throws -> SearchPosition {
        guard let position = SearchPosition(text) else { throw ValidationError("no page ends like that") }
        return position
    }
}

private struct PageReport: Encodable {
    let entries: [TraceEntry]
    let next: String?
    let examined: Int

    init(_ page: SearchPage) {
        (entries, next, examined) = (page.entries, page.next.map { "\($0)" }, page.examined)
    }
}
