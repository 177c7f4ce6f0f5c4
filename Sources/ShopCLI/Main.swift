import ArgumentParser
import MessageQueue

/// The shop's command line.
@main struct ShopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shoeshop",
        abstract: "Runs and operates the shoe shop.",
        version: Broker.libraryVersion,
        subcommands: [
            Up.self, Migrate.self, Queues.self, Topics.self, Pause.self, Resume.self, Limit.self, Trace.self, Dead.self,
            Blocked.self,
            Faults.self, Doctor.self, ScenarioCommand.self, Bench.self,
        ])
}
