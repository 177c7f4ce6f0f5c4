import ArgumentParser
import MessageQueue
import QueueGateway

struct Groups: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes groups by which programs consume topics through the gateway, as clients of RocketMQ.",
        discussion: """
            shoeshop groups create news GID-readers --tag local --tag weather

            A group hears what is published once it is there. Without this it is made by the first of its consumers that comes.
            """,
        subcommands: [GroupsCreate.self])
}

struct GroupsCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes a group, and its topic where there is none.")

    @Argument(help: "The topic, as consumers name it.") var topic: String
    @Argument(help: "The group, as consumers name it.") var group: String
    @Option(help: "The instance that consumers name with the topic. Default: none, for the library's own topics.")
    var instance: String?
    @Option(help: "What it hears. Can be given several times. Default: everything.") var tag: [String] = []
    @Flag(help: "For consumers that consume in order.") var orderly = false
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let queue = try await connection.withDatabase { database in
            try await QueueGateway.makeGroup(
                group, of: topic, instance: instance, tags: tag.isEmpty ? nil : tag, isOrderly: orderly,
                on: Broker(database))
        }
        try output.show(
            ["queue": queue.text],
            text:
                "\(group) hears what is published to \(topic) from now on; shoeshop queues show \(queue) tells what waits."
        )
    }
}
