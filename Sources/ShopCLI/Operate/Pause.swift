import ArgumentParser
import MessageQueue
import Postgres

struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stops the deliveries of a queue; sending goes on, and what is in flight is finished.")

    @Argument(help: "The queue.", completion: .queues) var queue: String
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        try await connection.withDatabase { try await Broker($0).pause(QueueName(queue)) }
        try output.show(["paused": queue], text: "\(queue) is paused; shoeshop resume \(queue) lets it go on.")
    }
}

struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lets a paused queue deliver again.")

    @Argument(help: "The queue.", completion: .queues) var queue: String
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        try await connection.withDatabase { try await Broker($0).resume(QueueName(queue)) }
        try output.show(["resumed": queue], text: "\(queue) delivers again.")
    }
}
