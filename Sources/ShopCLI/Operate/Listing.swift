import ArgumentParser
import MessageQueue

/// Of which queue, and how many, a command lists.
struct Listing: ParsableArguments {
    @Option(name: .customLong("queue"), help: "Only of this queue.", completion: .queues)
    private var name: String?
    @Option(help: Allowed.listed.help("The most that are listed.", default: 100), transform: Allowed.listed.read)
    var limit = 100

    var queue: QueueName? { name.map { QueueName($0) } }
}
