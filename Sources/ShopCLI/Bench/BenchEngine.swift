import ArgumentParser
import Benchmarks
import Durations

/// The benchmarks of the engine alone, and of the database client below it.
enum BenchEngine {
    static let subcommands: [any ParsableCommand.Type] = [
        BenchSend.self, BenchDrain.self, BenchSteady.self, BenchLatency.self, BenchPinned.self, BenchBacklog.self,
        BenchSegments.self,
        BenchRescue.self, BenchIdle.self, BenchWAL.self, BenchScale.self, BenchGrowth.self, BenchFanout.self,
        BenchFeatures.self, BenchRedrive.self,
        BenchClient.self,
    ]
    static var benchmarks: [any Benchmark] {
        [
            SendBenchmark(), DrainBenchmark(), SteadyBenchmark(), LatencyBenchmark(), PinnedBenchmark(),
            BacklogBenchmark(),
            SegmentsBenchmark(), RescueBenchmark(), IdleBenchmark(), WALBenchmark(), ScaleBenchmark(),
            GrowthBenchmark(),
            FanoutBenchmark(), FeaturesBenchmark(), RedriveBenchmark(), ClientBenchmark(),
        ]
    }
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
    @Option(help: sizes.help("The size of the backlog. Default: 200000."), transform: sizes.read)
    var messages: Int?
    @OptionGroup var bench: BenchOptions
    private static let sizes = Allowed.whole(1...100_000_000)
    var benchmark: any Benchmark { DrainBenchmark(messages: messages) }
}

struct BenchSteady: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "steady", abstract: "From commit to handler start, at a constant rate.",
        discussion: "An open loop: each message is sent when its time has come, whatever became of those before.")
    @Option(help: Allowed.sent.help("Messages per second.", default: 500), transform: Allowed.sent.read)
    var rate = 500.0
    @Option(
        name: .customLong("for"), help: Allowed.measured.help("How long. Default: 15s."),
        transform: Allowed.measured.read)
    var span: Duration?
    @OptionGroup var bench: BenchOptions
    var benchmark: any Benchmark { SteadyBenchmark(perSecond: rate, seconds: span?.inSeconds) }
}

struct BenchLatency: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency", abstract: "From commit to handler start, over rates and beside disturbances.",
        discussion: """
            An open loop at each rate. Shares are of what one worker can handle while it is sent, measured first; at such rates
            messages share transactions, and of each the first is timed.
            """)
    @Option(parsing: .upToNextOption, help: "Messages per second, sent one by one; each from 1 to 20000.")
    var rates = LatencyBenchmark.usualRates
    @Option(
        parsing: .upToNextOption,
        help: "Shares of the most that can be sent and handled, in per cent; each from 1 to 100.")
    var shares = LatencyBenchmark.usualShares.map { $0 * 100 }
    @Option(
        parsing: .upToNextOption,
        help: "What goes on beside it: \(Disturbance.allCases.map(\.rawValue).joined(separator: ", ")).",
        transform: disturbance)
    var beside = Disturbance.allCases
    @Option(
        name: .customLong("for"), help: Allowed.measured.help("How long each point is measured. Default: 10s."),
        transform: Allowed.measured.read)
    var span: Duration?
    @OptionGroup var bench: BenchOptions

    func validate() throws {
        guard rates.allSatisfy({ (1...20_000).contains($0) }) else {
            throw ValidationError("A rate is between 1 and 20000 messages a second.")
        }
        guard shares.allSatisfy({ (1...100).contains($0) }) else {
            throw ValidationError("A share is between 1 and 100 per cent.")
        }
    }

    var benchmark: any Benchmark {
        LatencyBenchmark(rates: rates, shares: shares.map { $0 / 100 }, beside: beside, seconds: span?.inSeconds)
    }
}

private func disturbance(_ text: String) throws -> Disturbance {
    guard let disturbance = Disturbance(rawValue: text) else {
        throw ValidationError("There is no disturbance \(text); say \(Disturbance.allCases.map(\.rawValue)).")
    }
    return disturbance
}

struct BenchPinned: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "pinned", abstract: "Drain and steady beside a transaction that somebody forgot to end.")
    @Option(
        help: Allowed.measured.help("How long traffic runs beside it before it is measured. Default: 60s."),
        transform: Allowed.measured.read)
    var under: Duration?
    @OptionGroup var bench: BenchOptions
    var benchmark: any Benchmark { PinnedBenchmark(under: under?.inSeconds) }
}

struct BenchBacklog: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "backlog", abstract: "Receiving and statistics with 10,000 and 1,000,000 messages waiting.")
    @Option(help: sizes.help("The size of the large backlog. Default: 1000000."), transform: sizes.read)
    var messages: Int?
    @OptionGroup var bench: BenchOptions
    private static let sizes = Allowed.whole(10_000...100_000_000)
    var benchmark: any Benchmark { BacklogBenchmark(messages: messages) }
}

struct BenchSegments: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "segments", abstract: "The round trip of one message with 1 and with 6 live segments.")
    @OptionGroup var bench: BenchOptions
    var benchmark: any Benchmark { SegmentsBenchmark() }
}

struct BenchRescue: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "rescue", abstract: "kill -9 of a worker, until another one has handled what it held.")
    @OptionGroup var bench: BenchOptions
    var benchmark: any Benchmark { RescueBenchmark() }
}

struct BenchIdle: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle", abstract: "What a worker without work asks of the server, and holds of memory.")
    @Option(
        name: .customLong("for"), help: Allowed.measured.help("How long to count. Default: 30s."),
        transform: Allowed.measured.read)
    var span: Duration?
    @OptionGroup var bench: BenchOptions
    var benchmark: any Benchmark { IdleBenchmark(seconds: span?.inSeconds) }
}

struct BenchWAL: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "wal", abstract: "What a message adds to the write-ahead log, through its life.")
    @OptionGroup var bench: BenchOptions
    var benchmark: any Benchmark { WALBenchmark() }
}

struct BenchScale: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale", abstract: "A backlog emptied by 1, 2, 4 and 8 worker processes.")
    @Option(parsing: .upToNextOption, help: "How many worker processes, each time.")
    var workers = ScaleBenchmark.usualCrowds
    @OptionGroup var bench: BenchOptions

    func validate() throws {
        guard !workers.isEmpty, workers.allSatisfy({ (1...256).contains($0) }) else {
            throw ValidationError("There are between 1 and 256 workers.")
        }
    }

    var benchmark: any Benchmark { ScaleBenchmark(workers: workers) }
}

struct BenchGrowth: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "growth", abstract: "What a message and an idle worker cost with many queues and workers.")
    @Option(
        help: crowds.help("How many workers there are.", default: GrowthBenchmark.usualWorkers), transform: crowds.read)
    var workers = GrowthBenchmark.usualWorkers
    @OptionGroup var bench: BenchOptions
    private static let crowds = Allowed.whole(1...1000)
    var benchmark: any Benchmark { GrowthBenchmark(workers: workers) }
}

struct BenchFanout: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "fanout", abstract: "One publish to 1, 10 and 100 subscriptions.")
    @OptionGroup var bench: BenchOptions
    var benchmark: any Benchmark { FanoutBenchmark() }
}

struct BenchFeatures: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "features", abstract: "What limits, priorities and ordered queues cost.")
    @OptionGroup var bench: BenchOptions
    var benchmark: any Benchmark { FeaturesBenchmark() }
}

struct BenchRedrive: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive", abstract: "Live messages, with and without a redrive of dead letters beside them.",
        discussion: "Alone, and beside a busy core. All of them go through one queue and one worker.")
    @Option(help: letters.help("How many dead letters are sent back. Default: 100000."), transform: letters.read)
    var letters: Int?
    @Option(help: Allowed.sent.help("Letters per second.", default: 2000), transform: Allowed.sent.read)
    var rate = 2000.0
    @OptionGroup var bench: BenchOptions
    private static let letters = Allowed.whole(1...10_000_000)
    var benchmark: any Benchmark { RedriveBenchmark(letters: letters, perSecond: rate) }
}

struct BenchClient: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "client", abstract: "Tiny statements through our client, at 1, 8 and 32 connections.")
    @OptionGroup var bench: BenchOptions
    var benchmark: any Benchmark { ClientBenchmark() }
}
