import ArgumentParser
import Foundation
import MessageQueue
import Postgres

struct Queues: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows how each queue stands, or all about one.",
        subcommands: [ListQueues.self, ShowQueue.self], defaultSubcommand: ListQueues.self)
}

struct ListQueues: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract:
            "Shows each queue: waiting, in flight, scheduled, retrying, held, dead, age of the oldest, deliveries per second."
    )

    @Flag(name: .shortAndLong, help: "Refresh every second until interrupted.")
    var watch = false
    @Flag(help: "Only the names, a line each.")
    var names = false
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        try await connection.withDatabase { database in
            let broker = Broker(database)
            let screen = Screen()
            var before = try await broker.statistics()
            if names {
                return try output.show(before.map(\.queue.text), text: before.map(\.queue.text).joined(separator: "\n"))
            }
            repeat {
                // A rate is the difference between two readings.
                try await Task.sleep(for: .seconds(1))
                let now = try await broker.statistics()
                let reports = QueueReport.reports(now, since: before)
                before = now
                if watch, !output.json {
                    await screen.refresh(QueueReport.table(reports).lines)
                } else {
                    try output.show(reports) { QueueReport.table(reports) }
                }
            } while watch
        }
    }
}

/// How a queue stands, and how fast it moves.
struct QueueReport: Encodable {
    let queue: String
    let waiting, inFlight, scheduled, retrying, dead, purged: Int
    /// Behind a blocked key, in queues that keep order.
    let held, blockedKeys: Int
    /// Deliveries that were finished, ever; each attempt counts.
    let handled: Int
    let oldestWaitingSeconds: Double?
    let deliveriesPerSecond: Double
    let isPaused: Bool

    init(_ now: QueueStatistics, since before: QueueStatistics?) {
        queue = now.queue.text
        (waiting, inFlight) = (now.depth, now.inFlight)
        (scheduled, retrying) = (now.scheduled, now.retrying)
        (dead, purged) = (now.dead, now.purged)
        (held, blockedKeys) = (now.held, now.blockedKeys)
        handled = now.claimed - now.inFlight
        oldestWaitingSeconds = now.oldestWaiting
        isPaused = now.isPaused
        let seconds = before.map { now.readAt.timeIntervalSince($0.readAt) } ?? 0
        deliveriesPerSecond = seconds > 0 ? Double(now.claimed - (before?.claimed ?? 0)) / seconds : 0
    }

    static func reports(_ now: [QueueStatistics], since before: [QueueStatistics]) -> [QueueReport] {
        let earlier = Dictionary(uniqueKeysWithValues: before.map { ($0.queue, $0) })
        return now.map { QueueReport($0, since: earlier[$0.queue]) }
    }

    static func table(_ reports: [QueueReport]) -> Table {
        Table(
            [
                .text("QUEUE"), .number("WAITING"), .number("IN FLIGHT"), .number("HANDLED"), .number("SCHEDULED"),
                .number("RETRYING"), .number("HELD"), .number("DEAD"), .number("OLDEST"), .number("PER SECOND"),
                .text(""),
            ],
            rows: reports.map { report in
                [
                    report.queue, "\(report.waiting)", "\(report.inFlight)", "\(report.handled)",
                    "\(report.scheduled)", "\(report.retrying)", "\(report.held)", "\(report.dead)",
                    report.oldestWaitingSeconds.map { Span(seconds: $0).text } ?? "-",
                    "\(Int(report.deliveriesPerSecond.rounded()))", report.isPaused ? "paused" : "",
                ]
            })
    }
}
