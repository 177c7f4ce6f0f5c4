import ArgumentParser
import Foundation
import MessageQueue

struct ShowQueue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract:
            "Shows how a queue stands and is set up, what became of its attempts, how long they took, their errors.")

    @Argument(help: "The queue.", completion: .queues) var queue: String
    @Option(help: minutes.help("How many minutes back.", default: 15), transform: minutes.read)
    var last = 15
    @OptionGroup var log: RetentionOption
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    private static let minutes = Allowed.whole(1...100)
    /// How many attempts are looked at for times and errors.
    private static let attempts = 500

    func run() async throws {
        let name = QueueName(queue)
        let detail = try await connection.withDatabase { database in
            let broker = Broker(database)
            let search = MessageSearch(.queue(name), isClaimed: true)
            let taken = try await broker.find(search, limit: Self.attempts).entries
            let holders = try await broker.segmentHolders(beyond: log.retention)
            let entry = try await broker.queue(name)
            return QueueDetail(
                statistics: try await broker.statistics(of: name), settings: QueueSettingsReport(entry),
                limits: entry.settings.limits.map(QueueDetail.Limits.init),
                minutes: try await broker.outcomes(of: name, each: .seconds(60), count: last),
                times: AttemptTimes.byOutcome(taken), errors: ErrorGroup.groups(of: taken),
                keepsLog: holders.first { $0.queue == name })
        }
        try output.show(detail, text: detail.text)
    }
}

private struct QueueDetail: Encodable {
    struct Limits: Encodable {
        let concurrency, burst: Int?
        let rate: Double?

        init(_ limits: QueueLimits) {
            (concurrency, burst, rate) = (limits.concurrency, limits.burst, limits.rate)
        }
    }

    let statistics: QueueStatistics
    let settings: QueueSettingsReport
    let limits: Limits?
    let minutes: [OutcomeStep]
    /// Of the last attempts that were taken, as the errors are.
    let times: [AttemptTimes]
    let errors: [ErrorGroup]
    /// Nil unless something in it keeps the log from being dropped in time.
    let keepsLog: SegmentHolder?

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
        let log = keepsLog.map { ("keeps log", "since \($0.sinceText): something in it is not finished") }
        let all: [(String, String)] = facts + [log].compactMap(\.self) + settings.facts
        let lines = all.map { $0.padding(toLength: 12, withPad: " ", startingAt: 0) + $1 }
        let tables = [table] + [timesTable, errorsTable].filter { !$0.rows.isEmpty }
        return (lines + tables.flatMap { [""] + $0.lines }).joined(separator: "\n")
    }

    private var timesTable: Table {
        Table(
            [
                .text("OF THE LAST THAT WERE TAKEN"), .number("ATTEMPTS"), .number("WAITED"), .number("99 %"),
                .number("TOOK"), .number("99 %"),
            ],
            rows: times.map { times in
                let seconds = [times.waited.median, times.waited.p99, times.took.median, times.took.p99]
                return [times.outcome.rawValue, "\(times.attempts)"]
                    + seconds.map { $0.map { Span(seconds: $0).text } ?? "-" }
            })
    }

    private var errorsTable: Table {
        Table(
            [.text("THEIR ERRORS"), .number("ATTEMPTS"), .text("FIRST"), .text("LAST")],
            rows: errors.map { group in
                [group.error, "\(group.attempts)", group.first?.clockText ?? "-", group.last?.clockText ?? "-"]
            })
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
