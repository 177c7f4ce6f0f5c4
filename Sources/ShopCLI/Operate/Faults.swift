import ArgumentParser
import Durations
import Foundation

struct Faults: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the faults of the sandboxed providers, or gives one a fault.",
        discussion: """
            shoeshop faults                                        shows what is wrong now
            shoeshop faults logistics --mode outage --for 60s      nobody answers for a minute
            shoeshop faults payment --mode lostAnswer --rate 0.1   charges, but says nothing, one time in ten
            shoeshop faults payment --mode drip --latency 30s      answers, but takes half a minute over its bytes
            shoeshop faults logistics --mode flapping --period 2s  goes down for a second, comes back for one, ...
            shoeshop faults payment --clear                        all is well again
            """)

    @Argument(help: "payment or logistics; without it, both are shown.")
    var provider: String?
    @Option(help: "outage, flapping, error, latency, drip, hang, malformed, lostAnswer or duplicateAnswer.")
    var mode: String?
    @Option(help: Allowed.share.help("The share of requests that are struck."), transform: Allowed.share.read)
    var rate: Double?
    @Option(
        name: .customLong("for"), help: spans.help("How long: 60s, 5m. Default: until it is cleared."),
        transform: spans.read)
    var span: Duration?
    @Option(
        help: Allowed.any.help(
            "How late answers are, with --mode latency, or how long their bytes take, with drip: 250ms, 2s."),
        transform: Allowed.any.read)
    var latency: Duration?
    @Option(
        help: periods.help("Once down and up, with --mode flapping: 500ms, 2s. Default: 1s."), transform: periods.read)
    var period: Duration?
    @Option(help: requests.help("How many requests still pass before it begins."), transform: requests.read)
    var after: Int?
    @Flag(help: "End the fault.")
    var clear = false
    @Option(help: "Address of the sandbox's control port. Default: CONTROL_URL, else the running shop of --folder.")
    var controlURL: String?
    @OptionGroup var folder: FolderOption

    private static let spans = Allowed.duration(.milliseconds(1)...Duration.longest)
    private static let periods = Allowed.duration(.milliseconds(20)...(.seconds(3600)))
    private static let requests = Allowed.whole(0...1_000_000_000)

    private struct Fault: Encodable {
        let mode: String
        let rate: Double?
        let forSeconds: Double?
        let latencyMilliseconds: Int?
        let periodMilliseconds: Int?
        let afterRequests: Int?
    }

    func validate() throws {
        if provider == nil, mode != nil || clear { throw ValidationError("Say whose: payment or logistics.") }
        if mode != nil, clear { throw ValidationError("Either --mode or --clear.") }
    }

    func run() async throws {
        let control = try control()
        if let provider, clear {
            try await HTTP.send(.delete, "\(control)/faults/\(provider)").require(200..<300)
        } else if let provider, let mode {
            let fault = Fault(
                mode: mode, rate: rate, forSeconds: span?.inSeconds,
                latencyMilliseconds: latency.map { $0.wholeMilliseconds },
                periodMilliseconds: period.map { $0.wholeMilliseconds }, afterRequests: after)
            let body = try JSONEncoder().encode(fault)
            try await HTTP.send(.put, "\(control)/faults/\(provider)", body: body).require(200..<300)
        }
        // The sandbox answers in JSON, with null where all is well; people can read it too.
        Output.print(try await HTTP.send(.get, "\(control)/faults").require(200..<300).text)
    }

    private func control() throws -> String {
        if let given = controlURL ?? ProcessInfo.processInfo.environment["CONTROL_URL"] { return given }
        guard let control = try folder.shop.runningAddresses().control else {
            throw ValidationError("The running shop has no sandbox.")
        }
        return control
    }
}
