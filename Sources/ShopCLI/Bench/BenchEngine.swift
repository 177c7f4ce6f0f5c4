import ArgumentParser
import Benchmarks

/// The benchmarks of the engine alone.
enum BenchEngine {
    static let subcommands: [any ParsableCommand.Type] = [BenchSend.self, BenchDrain.self]
    static var benchmarks: [any Benchmark] { [SendBenchmark(), DrainBenchmark()] }
}

struct BenchSend: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Storing messages, 1, 10 and 100 per call.")
    @OptionGroup var bench: BenchOptions
    var benchmark: any Benchmark { SendBenchmark() }
}

struct BenchDrain: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "One worker process empties a stored backlog.")
    @Option(help: "The size of the backlog.")
    var messages: Int?
    @OptionGroup var bench: BenchOptions
    var benchmark: any Benchmark { DrainBenchmark(messages: messages) }
}
