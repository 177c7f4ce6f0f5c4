import ArgumentParser
import Foundation
import MessageQueue

struct ShowQueue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows how a queue stands and is set up, and what became of its attempts by the minute.")

    @Argument(help: "The queue.", completion: .queues) var queue: String
    @Option(help: minutes.help("How many minutes back.", default: 15), transform: minutes.read)
    var last = 15
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    private static let minutes = Allowed.whole(1...100)

    func run() async throws {
        let name = QueueName(queue)
        let detail = try await connection.withDatabase { database in
            let broker = Broker(database)
            return QueueDetail(
                statistics: try await broker.statistics(of: name),
                limits: try await broker.queue(name).settings.limits.map(QueueDetail.Limits.init),
                minutes: try await broker.outcomes(of: name, each: .seconds(60), count: last))
        }
        try output.show(detail, text: detail.text)
    }
}

private struct QueueDetail: Encodable {
    struct Limits: Encodable {
        let concurrency: Int?
        let rate: Double?

        init(_ limits: QueueLimits) { (concurrency, rate) = (limits.concurrency, limits.rate) }
    }

    let statistics: QueueStatistics
    let limits: Limits?
    let minutes: [OutcomeStep]

    var text: String {
        let now = statistics
        let facts: [(String, String)] = [
            ("waiting", "\(now.depth)"), ("in flight", "\(now.inFlight)"), ("scheduled", "\(now.scheduled)"),
            ("retrying", "\(now.retrying)"), ("held", "\(now.held)"), ("dead", "\(now.dead)"),
            ("oldest", now.oldestWaiting.map { Span(seconds: $0).text } ?? "-"),
            ("deliveries", now.isPaused ? "paused" : "go on"),
            ("at once", limits?.concurrency.map { "\($0) at the most" } ?? "not limited"),
            ("a second", limits?.rate.map { "\($0) at the most" } ?? "not limited"),
        ]
        let lines = facts.map { $0.padding(toLength: 12, withPad: " ", startingAt: 0) + $1 }
        return (lines + [""] + table.lines).joined(separator: "\n")
    }

    private var table: Table {
        let names = Set(minutes.flatMap(\.outcomes.keys)).sorted()
        return Table(
            [.text("MINUTE"), .number("ATTEMPTS")] + names.map { .number($0.uppercased()) },
            rows: minutes.map { step in
                [String(step.since.clockText.prefix(5)), "\(step.attempts)"]
                    + names.map { "\(Int((step.outcomes[$0] ?? 0).rounded()))" }
            })
    }
}
