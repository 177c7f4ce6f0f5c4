import ArgumentParser
import Benchmarks
import Foundation
import Terminal

/// Where and how often it is measured, and how the figures are told.
struct BenchOptions: ParsableArguments {
    @Option(
        help: "A server where databases may be made and dropped, as a libpq connection string. Default: a private one.")
    var database: String?
    @Flag(help: "Keep the private server's files in memory, under /dev/shm.")
    var tmpfs = false
    @Option(
        help: counts.help("How often each is measured; the figures are medians. Default: 3."), transform: counts.read)
    var runs: Int?
    @Flag(help: "Tiny sizes and one run: only to see that everything works.")
    var smoke = false
    @Flag(help: "One JSON object per figure and line; progress goes to standard error.")
    var json = false

    private static let counts = Allowed.whole(1...1000)

    /// Measures one after the other, and goes on when one fails.
    ///
    /// - Parameter folder: where what was measured is drawn.
    func measure(_ benchmarks: [any Benchmark], plottingInto folder: String? = nil) async throws {
        let isDone = try await withLab { lab, screen in
            var failures = 0
            var records: [FigureRecord] = []
            for benchmark in benchmarks {
                if let figures = try await measure(benchmark, in: lab, on: screen) {
                    records += figures.map { FigureRecord($0, at: lab.facts) }
                } else {
                    failures += 1
                }
            }
            if let folder { _ = try PlotFolder(records).write(to: URL(filePath: folder)) }
            return failures == 0
        }
        guard isDone == true else { throw ExitCode.failure }
    }

    /// Opens a lab for `body`, until that ends or is interrupted; nil then.
    func withLab<T: Sendable>(_ body: @escaping @Sendable (Lab, Screen) async throws -> T) async throws -> T? {
        let stop = StopSignal()
        let screen = Screen(isForProgram: json)
        return try await Lab.open(options(on: screen)) { lab in
            try await stop.interrupt { try await body(lab, screen) }
        }
    }

    /// - Returns: nil when the benchmark failed.
    private func measure(_ benchmark: any Benchmark, in lab: Lab, on screen: Screen) async throws -> [Figure]? {
        do {
            let figures = try await benchmark.measure(runs: runs ?? (smoke ? 1 : 3), in: lab)
            await screen.clear()
            try show(figures, about: benchmark.about, from: lab)
            return figures
        } catch let error where !(error is CancellationError) && !Task.isCancelled {
            await screen.notice("\(benchmark.name) failed: \(error)")
            return nil
        }
    }

    /// Prints figures: for people with what they are about, and where they were measured.
    func show(_ figures: [Figure], about: String, from lab: Lab) throws {
        if json {
            for figure in figures {
                StandardStream.output.write(line: try FigureRecord(figure, at: lab.facts).line())
            }
        } else {
            let table = FigureTable.of(figures)
            Output.print(
                ([about] + table.lines + ["", lab.facts.text, Machine.description, ""]).joined(separator: "\n"))
        }
    }

    private func options(on screen: Screen) -> LabOptions {
        let own = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])
        let json = json
        return LabOptions(
            server: database, inMemory: tmpfs, isSmoke: smoke,
            worker: [own.resolvingSymlinksInPath().path, "bench", "worker"]
        ) { text in
            if json { await screen.notice(text) } else { await screen.refresh([text]) }
        }
    }
}

/// Figures for people.
enum FigureTable {
    static func of(_ figures: [Figure]) -> Table {
        Table(
            [
                .text("FIGURE"), .number("VALUE"), .text("UNIT"), .number("FLOOR"), .number("RATIO"), .text("TARGET"),
                .number("RUNS"), .number("SPREAD"),
            ], rows: figures.map(row))
    }

    private static func row(_ figure: Figure) -> [String] {
        [
            figure.name, Figure.text(figure.value), figure.unit, figure.floor.map(Figure.text) ?? "",
            figure.ratio.map { Figure.text($0) + "x" } ?? "", figure.target?.description ?? "", "\(figure.runs)",
            figure.runs > 1 ? Figure.percent(figure.spread) + "%" : "",
        ]
    }
}
