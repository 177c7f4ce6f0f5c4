import ArgumentParser
import Foundation
import MessageQueue

struct DeadReasons: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reasons", abstract: "Counts dead letters by queue and reason.")

    @Option(help: "Only of this queue.", completion: .queues)
    var queue: String?
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let groups = try await connection.withDatabase {
            try await Broker($0).deadLetterGroups(of: queue.map { QueueName($0) })
        }
        try output.show(groups) {
            Table(
                [.text("QUEUE"), .text("REASON"), .number("DEAD"), .text("FIRST"), .text("LAST")],
                rows: groups.map { group in
                    [
                        group.queue.text, group.reason, "\(group.count)", group.first.ISO8601Format(),
                        group.last.ISO8601Format(),
                    ]
                })
        }
    }
}
