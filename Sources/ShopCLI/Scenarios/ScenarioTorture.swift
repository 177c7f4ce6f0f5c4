import ArgumentParser
import Durations
import Foundation
import MessageQueue
import Scenarios

struct ScenarioTorture: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torture",
        abstract: "Plays scenarios that are made up: random troubles of all kinds over random load.",
        discussion: """
            One episode after the other, each with a shop of its own and the seed after the last one's, until the time is up. \
            Expected is what must always hold: the books, the engine's invariants, no order lost, nothing left over. An \
            episode that fails ends it; its scenario is kept as a file, and --seed with --episodes 1 plays it again.
            """)

    @Option(
        name: .customLong("for"),
        help: Allowed.any.help("No episode begins after so long: 60s, 10m.", default: .seconds(600)),
        transform: Allowed.any.read)
    var span = Duration.seconds(600)
    @Option(help: counts.help("The most episodes."), transform: counts.read)
    var episodes: Int?
    @Flag(help: "Goes on after an episode that failed.")
    var keepGoing = false
    @Option(help: "The folder for the scenarios of failed episodes.")
    var failures = "."
    @OptionGroup var options: ScenarioOptions
    @OptionGroup var output: Output

    private static let counts = Allowed.whole(1...1_000_000)

    func run() async throws {
        let first = options.seed ?? UInt64.random(in: 1...999_999)
        let screen = Screen(isForProgram: output.json)
        await screen.notice("Torture for \(span.text), from seed \(first).")
        let records = try await StopSignal().interrupt { try await play(from: first, on: screen) } ?? []
        try options.write { try ScenarioReport(records).html() }
        if output.json { try Output.printJSON(records.map(RunJSON.init)) }
        let failed = records.filter { !$0.passed }
        let orders = records.reduce(0) { $0 + $1.outcome.accepted }
        let faults = records.reduce(0) { $0 + $1.windows.count }
        await screen.notice(
            "\(CountText(records.count, "episode")), \(CountText(faults, "fault")), "
                + "\(CountText(orders, "order")) accepted; failed: \(CountText(failed.count, "episode")).")
        if !failed.isEmpty { throw ExitCode.failure }
    }

    private func play(from first: UInt64, on screen: Screen) async throws -> [RunRecord] {
        let start = ContinuousClock.now
        var records: [RunRecord] = []
        var number = 0
        while ContinuousClock.now - start < span, number < episodes ?? .max, !Task.isCancelled {
            defer { number += 1 }
            guard let record = try await episode(seed: first &+ UInt64(number), number, on: screen) else { continue }
            records.append(record)
            if !record.passed, !keepGoing { break }
        }
        // A torture that never hurt has shown nothing.
        guard !records.isEmpty || number == 0 else { throw ExitCode.failure }
        return records
    }

    /// - Returns: nil when a trouble could not be made: that says nothing about the shop.
    private func episode(seed: UInt64, _ number: Int, on screen: Screen) async throws -> RunRecord? {
        var random = RandomScenario(seed: seed)
        let yaml = random.yaml()
        let scenario = try Scenario(yaml: yaml, file: "\(random.name).yaml", beside: URL(filePath: failures))
        await screen.notice("\nepisode \(number + 1), seed \(seed)")
        let run = try options.run(
            scenario, by: "torture --episodes 1", seed: seed, number: number, on: screen)
        let record: RunRecord
        do { record = try await run.play() } catch let error as ScenarioError where error.reason == .faultFailed {
            await screen.notice("This episode could not be played, which is no failure of the shop: \(error)")
            return nil
        }
        await screen.clear()
        if record.passed {
            await screen.notice(
                "passed: \(record.outcome.accepted) accepted, \(record.outcome.delivered) delivered, "
                    + "\(CountText(record.windows.count, "fault"))"
            )
        } else {
            let file = URL(filePath: failures).appending(path: "\(random.name).yaml")
            try yaml.write(to: file, atomically: true, encoding: .utf8)
            await screen.notice(RunShow.lines(record).joined(separator: "\n"))
            await screen.notice(
                "Its scenario is \(file.path). Play it again: shoeshop scenario run \(file.path) --seed \(seed)")
        }
        return record
    }
}
