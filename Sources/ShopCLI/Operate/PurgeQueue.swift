import ArgumentParser
import MessageQueue

struct PurgeQueue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Deletes for ever what waits in a queue; what it stood for is not done.",
        discussion: """
            shoeshop purge payment --dry-run                     counts what would be deleted
            shoeshop purge payment --sure                        deletes it

            What is in flight goes on, and dead letters stay. Deliveries go on meanwhile: pause the queue first if nobody is to
            take any of it. Dead letters are deleted with shoeshop dead purge.
            """)

    @Argument(help: "The queue.", completion: .queues) var queue: String
    @Flag(help: "Only count what would be deleted.")
    var dryRun = false
    @Flag(help: "In earnest.")
    var sure = false
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func validate() throws {
        if dryRun == sure { throw ValidationError("Give either --dry-run or --sure.") }
    }

    func run() async throws {
        let name = QueueName(queue)
        let count = try await connection.withDatabase { database in
            let broker = Broker(database)
            if !dryRun { return try await broker.purge(waitingIn: name) }
            let now = try await broker.statistics(of: name)
            return now.depth + now.scheduled + now.retrying + now.held
        }
        try output.show(
            PurgeReport(queue: queue, messages: count, isDryRun: dryRun),
            text: dryRun
                ? "About \(count) would be deleted from \(queue); nothing was changed."
                : "\(count) deleted from \(queue).")
    }
}

private struct PurgeReport: Encodable {
    let queue: String
    let messages: Int
    let isDryRun: Bool
}
