import ArgumentParser
import Benchmarks
import Foundation
import MessageQueue

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures, over real processes and a database of its own.",
        discussion: """
            Each number comes with the floor that was measured beside it, in the same run: the bare work that can't be
            avoided, done through bare libpq. The ratio of the two says more than either, since a busy machine slows both.
            TARGET is what a machine with 2 cores, server and all, should reach. A number below it is no failure.
            """,
        subcommands: [
            BenchAll.self, BenchOrders.self, BenchAccept.self, BenchFollowers.self, BenchDesk.self, BenchGateway.self,
        ]
            + BenchEngine.subcommands + [
                BenchSoak.self, BenchPlot.self, BenchWorkerCommand.self,
            ])
}

/// A subcommand that measures one thing.
protocol BenchCommand: AsyncParsableCommand {
    var bench: BenchOptions { get }
    var benchmark: any Benchmark { get }
}

extension BenchCommand {
    func run() async throws { try await bench.measure([benchmark]) }
}

struct BenchAll: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "all", abstract: "Every benchmark but the soak, one after the other.")

    @Option(help: "A folder that the figures are drawn into, see `shoeshop bench plot`.")
    var plot: String?
    @OptionGroup var bench: BenchOptions

    /// Without the load generator there is nothing to measure acceptance with.
    static var benchmarks: [any Benchmark] {
        let overHTTP: [any Benchmark] = Wrk.isInstalled ? [AcceptBenchmark(), GatewayBenchmark()] : []
        return BenchEngine.benchmarks + [OrdersBenchmark(), FollowersBenchmark(), DeskBenchmark()] + overHTTP
    }

    func run() async throws { try await bench.measure(Self.benchmarks, plottingInto: plot) }
}

/// A worker process of a benchmark; not for people.
struct BenchWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "A worker of a benchmark.", shouldDisplay: false)

    @Option var queue: String
    @Option var work: String
    @Option(transform: Allowed.any.read) var keep: Duration?
    @Option(transform: Allowed.any.read) var rotate: Duration?

    func run() async throws {
        let conninfo = ProcessInfo.processInfo.environment["DATABASE_URL"] ?? ""
        guard let work = BenchWorker.Work(rawValue: work) else { throw ValidationError("There is no work \(work).") }
        try await BenchWorker(
            queue: QueueName(queue), work: work, keep: keep, rotate: rotate
        ).run(on: conninfo)
    }
}
