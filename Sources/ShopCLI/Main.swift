import ArgumentParser
import Foundation
import MessageQueue
import Terminal

/// The shop's command line.
@main struct ShopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shoeshop",
        abstract: "Runs and operates the shoe shop.",
        version: Broker.libraryVersion,
        subcommands: [
            Up.self, Migrate.self, Top.self, ShowServices.self, Queues.self, Topics.self, Workers.self, Servers.self,
            Pause.self, Resume.self, Limit.self, PurgeQueue.self, Trace.self, Messages.self, SendMessage.self,
            Orders.self, Dead.self, Blocked.self, Audit.self, Action.self, Keys.self, Groups.self,
            Faults.self, Doctor.self, ScenarioCommand.self, Bench.self,
        ])

    static func main() async {
        StandardStream.checkAtExit()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
        } catch {
            end(by: error)
        }
    }

    /// An error may quote what is stored somewhere, which must not steer the terminal.
    private static func end(by error: any Error) -> Never {
        let (message, status) = (fullMessage(for: error), exitCode(for: error))
        let stream = status.isSuccess ? StandardStream.output : .error
        if !message.isEmpty { stream.write(line: message.visibleLines) }
        Foundation.exit(status.rawValue)
    }
}
