import ArgumentParser
import MessageQueue

struct Limit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sets what all workers of a queue together may not exceed.",
        discussion: """
            shoeshop limit payment --concurrency 20              at most 20 messages in flight
            shoeshop limit payment --rate 50 --burst 100         50 a second, 100 at once after a quiet time
            shoeshop limit payment --none                        no limits

            What is not given is not limited. Workers notice within ten seconds.
            """)

    @Argument(help: "The queue.", completion: .queues) var queue: String
    @Option(help: concurrencies.help("The most messages in flight at once."), transform: concurrencies.read)
    var concurrency: Int?
    @Option(help: Allowed.rate.help("Deliveries per second, retries included."), transform: Allowed.rate.read)
    var rate: Double?
    @Option(
        help: bursts.help("How many may come at once after a quiet time. Default: a tenth of a second's."),
        transform: bursts.read)
    var burst: Int?
    @Flag(help: "Take the limits away.")
    var none = false
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func validate() throws {
        let isAnySet = concurrency != nil || rate != nil || burst != nil
        if none == isAnySet { throw ValidationError("Give --concurrency, --rate and --burst, or --none.") }
        if burst != nil, rate == nil { throw ValidationError("--burst needs --rate.") }
    }

    private static let concurrencies = Allowed.whole(QueueLimits.concurrencies)
    private static let bursts = Allowed.whole(QueueLimits.bursts)

    func run() async throws {
        let limits = QueueLimits(concurrency: concurrency, rate: rate, burst: burst)
        try await connection.withDatabase { try await Broker($0).limit(QueueName(queue), to: limits) }
        let parts = [
            concurrency.map { "at most \($0) in flight" }, rate.map { "\($0) a second" }, burst.map { "\($0) at once" },
        ].compactMap(\.self)
        try output.show(
            LimitReport(queue: queue, concurrency: concurrency, rate: rate, burst: burst),
            text: "\(queue): \(parts.isEmpty ? "no limits" : parts.joined(separator: ", ")).")
    }
}

private struct LimitReport: Encodable {
    let queue: String
    let concurrency: Int?
    let rate: Double?
    let burst: Int?
}
