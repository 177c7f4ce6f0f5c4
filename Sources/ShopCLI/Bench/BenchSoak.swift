import ArgumentParser
import Benchmarks
import DeliveryCheck
import Durations
import Foundation

struct BenchSoak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Constant traffic for a long time: disk, memory and latency should stay flat.",
        discussion: """
            Many segments come and go, a snapshot is held open in the second quarter, and one of two worker processes is ended
            or killed (kill -9) six times. At the end everything that was sent is held against everything that was handled.
            FLOOR is the median of the first third of the time, VALUE that of the last.
            """)

    @Option(name: .customLong("for"), help: spans.help("How long.", default: .seconds(1800)), transform: spans.read)
    var span = Duration.seconds(1800)
    @Option(help: Allowed.sent.help("Messages per second.", default: 500), transform: Allowed.sent.read)
    var rate = 500.0
    @Option(help: "Writes a page with charts to this file.")
    var report: String?
    @OptionGroup var bench: BenchOptions

    private static let spans = Allowed.duration(.seconds(12)...(.seconds(30 * 86_400)))

    func run() async throws {
        let plan = SoakPlan(seconds: bench.smoke ? 12 : span.inSeconds, perSecond: bench.smoke ? 50 : rate)
        let outcome = try await bench.withLab { lab, screen in
            let outcome = try await Soak(plan).run(in: lab) { sample in
                await lab.say(
                    "soak: " + zip(SoakSample.titles, sample.cells).map { "\($0) \($1)" }.joined(separator: ", "))
            }
            await screen.clear()
            if let report {
                let page = SoakReport(plan, outcome, at: "\(lab.facts.text)\n\(Machine.description)")
                try page.html.write(toFile: report, atomically: true, encoding: .utf8)
            }
            if !bench.json { Output.print(SoakTable.of(outcome.samples).lines.joined(separator: "\n") + "\n") }
            try bench.show(outcome.figures, about: "Floor: the first third of the time", from: lab)
            return outcome
        }
        guard outcome?.check.isFaultless == true else { throw ExitCode.failure }
    }
}

enum SoakTable {
    static func of(_ samples: [SoakSample]) -> Table {
        Table(SoakSample.titles.map { .number($0) }, rows: samples.map(\.cells))
    }
}
