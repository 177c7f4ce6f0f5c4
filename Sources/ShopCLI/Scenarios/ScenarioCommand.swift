import ArgumentParser

struct ScenarioCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenario",
        abstract: "Plays failure scenarios: the shop under load while something is wrong.",
        discussion: """
            Each run has a private PostgreSQL, real processes and real HTTP on this machine, ends by itself and cleans up. \
            Scenarios are files; Scenarios/README.md describes their fields.
            """,
        subcommands: [
            ScenarioList.self, ScenarioCheck.self, ScenarioPlay.self, ScenarioCompare.self, ScenarioTorture.self,
        ])
}
