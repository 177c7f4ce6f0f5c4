import ArgumentParser
import Foundation
import MessageQueue
import Postgres
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

    /// An error may quote what is stored somewhere, which must not steer the terminal, and what was given.
    private static func end(by error: any Error) -> Never {
        let message = masked(fullMessage(for: error), givenAs: CommandLine.arguments.dropFirst())
        let status = exitCode(for: error)
        let stream = status.isSuccess ? StandardStream.output : .error
        if !message.isEmpty { stream.write(line: message.visibleLines) }
        Foundation.exit(status.rawValue)
    }

    /// A connection string that was given in the wrong place, alone or behind an option, is told without its password.
    static func masked(_ message: String, givenAs arguments: some Collection<String>) -> String {
        let values = arguments.map { String($0.drop { $0 != "=" }.dropFirst()) }
        let suspects = (Array(arguments) + values).filter { Conninfo.shown($0) != $0 }
        return suspects.reduce(message) { $0.replacing($1, with: Conninfo.shown($1)) }
    }
}
