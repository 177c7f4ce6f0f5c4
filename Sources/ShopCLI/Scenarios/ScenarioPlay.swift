import ArgumentParser
import Foundation
import MessageQueue
import Scenarios

struct ScenarioPlay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Plays a scenario, or several, and holds the outcome against what is expected.",
        discussion: """
            Exit status 1 when an expectation or an invariant failed; such orders are named, with their traces. A scenario \
            that needs what this machine does not have (root, for a full disk; Linux, for a wrong clock) is skipped, and says so.
            """)

    @Argument(help: "Names or files; `all` means all of the folder.")
    var names: [String]
    @Option(
        help: counts.help("Plays each so many times, with seeds one after the other.", default: 1),
        transform: counts.read)
    var times = 1
    @Flag(help: "Plays it with the coupled shop: all steps within the request.")
    var coupled = false
    @OptionGroup var options: ScenarioOptions
    @OptionGroup var library: ScenarioLibrary
    @OptionGroup var output: Output

    func validate() throws {
        if names.isEmpty { throw ValidationError("Say which scenario, or all. See: shoeshop scenario list.") }
    }

    private static let counts = Allowed.whole(1...1000)

    func run() async throws {
        let scenarios = try names.flatMap { name in
            try library.files(named: name).map { (name == "all" ? nil : name, try Scenario(file: $0)) }
        }
        let first = options.seed ?? UInt64.random(in: 1...999_999)
        let plays = (0..<UInt64(times)).flatMap { time in scenarios.map { ($0.0 ?? $0.1.name, $0.1, first &+ time) } }
        let screen = Screen(isForProgram: output.json)
        let records = try await StopSignal().interrupt { try await play(plays, on: screen) }
        guard let records else { throw ExitCode(130) }
        try options.write {
            try records.count == 1 ? ScenarioReport(records[0]).html() : ScenarioReport(records).html()
        }
        if output.json { try Output.printJSON(records.map(RunJSON.init)) }
        if records.count > 1 { await screen.notice(summary(records)) }
        if records.contains(where: { !$0.passed }) { throw ExitCode.failure }
    }

    private func play(_ plays: [(String, Scenario, UInt64)], on screen: Screen) async throws -> [RunRecord] {
        var records: [RunRecord] = []
        for (number, (name, scenario, seed)) in plays.enumerated() {
            await screen.notice("\n\(scenario.name), seed \(seed): \(scenario.teaches)")
            let run = try options.run(
                scenario, by: "run \(name)\(coupled ? " --coupled" : "")", seed: seed,
                shop: coupled ? .coupled : .decoupled, number: number, on: screen)
            do {
                let record = try await run.play()
                await screen.clear()
                await screen.notice(RunShow.lines(record).joined(separator: "\n"))
                records.append(record)
            } catch let error as ScenarioError where error.reason == .notPossibleHere {
                await screen.notice("\(scenario.name) is skipped: \(error)")
            }
        }
        return records
    }

    private func summary(_ records: [RunRecord]) -> String {
        let failed = records.filter { !$0.passed }.map { "  FAILED: \($0.command)" }
        let passed = "\(records.count - failed.count) of \(CountText(records.count, "run")) passed."
        return ([passed] + failed).joined(separator: "\n")
    }
}

struct ScenarioCompare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Plays a scenario with the coupled and with the decoupled shop, under the same load and faults.")

    @Argument(help: "A name or a file.")
    var name: String
    @OptionGroup var options: ScenarioOptions
    @OptionGroup var library: ScenarioLibrary
    @OptionGroup var output: Output

    func run() async throws {
        let scenario = try Scenario(file: try library.files(named: name)[0])
        let seed = options.seed ?? UInt64.random(in: 1...999_999)
        let screen = Screen(isForProgram: output.json)
        let comparison = try await StopSignal().interrupt {
            var records: [RunRecord] = []
            for (number, shop) in [RunRecord.Shop.coupled, .decoupled].enumerated() {
                await screen.notice("\n\(scenario.name), \(shop.rawValue), seed \(seed)")
                let run = try options.run(
                    scenario, by: "compare \(name)", seed: seed, shop: shop, number: number, on: screen)
                records.append(try await run.play())
                await screen.clear()
            }
            return Comparison(coupled: records[0], decoupled: records[1])
        }
        guard let comparison else { throw ExitCode(130) }
        try options.write { try ScenarioReport(comparison).html() }
        let records = [comparison.coupled, comparison.decoupled]
        try output.show(
            records.map(RunJSON.init),
            text: (["", scenario.teaches, ""] + Outcomes.table(records).lines + [""]).joined(separator: "\n"))
        if !comparison.decoupled.passed { throw ExitCode.failure }
    }
}
