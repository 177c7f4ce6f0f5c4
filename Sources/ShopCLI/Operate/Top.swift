import ArgumentParser
import Foundation
import MessageQueue
import Postgres
import Terminal

struct Top: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The pipeline live in 100 columns: queues, topics, workers, and what needs a person.",
        discussion: """
            Where there are more queues than lines, those are shown that move or have something in them. What needs a person
            comes first, in a third of the terminal's lines at the most.
            """)

    @Flag(help: "Once, and not live.")
    var once = false
    @Option(help: lines.help("The most queues that are shown.", default: 25), transform: lines.read)
    var queues = 25
    @OptionGroup var log: RetentionOption
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    private static let lines = Allowed.whole(1...1000)
    private static let pause = Duration.seconds(1)

    func run() async throws {
        try await connection.withDatabase { database in
            let broker = Broker(database)
            let screen = Screen(isForProgram: output.json)
            var pipeline = try await Pipeline(of: broker, retention: log.retention)
            var trouble: String?
            repeat {
                try await Task.sleep(for: Self.pause)
                do {
                    try await pipeline.read(from: broker)
                    trouble = nil
                } catch let error as PostgresError where !once {
                    // It may be back at the next look.
                    if output.json, trouble == nil { StandardStream.error.write(line: Self.told(error)) }
                    trouble = Self.told(error)
                }
                let shown = pipeline.screen(queues: queues, trouble: trouble)
                if !output.json, !once {
                    await screen.refresh(shown.lines(within: screen.size.rows))
                } else if trouble == nil {
                    try output.show(pipeline.report, text: shown.lines(within: .max).joined(separator: "\n"))
                }
            } while !once
        }
    }
}

extension Top {
    fileprivate static func told(_ error: PostgresError) -> String {
        "at \(Date().clockText.prefix(8)) UTC the database could not be read, trying again: \(error)".visibleLine
    }
}

/// All queues, topics and workers, as they stood at the last readings.
struct Pipeline {
    private var statistics: [QueueStatistics]
    private var reports: [QueueReport] = []
    private var topics: [TopicName: Double] = [:]
    private var workers: [WorkerEntry] = []
    private var neglected: [ChoreEntry] = []
    private var holders: [SegmentHolder] = []
    private let retention: Duration
    private var rates: [String: [Double]] = [:]
    private var readings = 0

    private static let sparkWidth = 15
    /// A step of the lines, in readings.
    private static let step = 60

    init(of broker: Broker, retention: Duration) async throws {
        self.retention = retention
        statistics = try await broker.statistics()
        let busiest = statistics.sorted { $0.claimed > $1.claimed }.prefix(50).map(\.queue)
        let marks = try await broker.activity(of: busiest, each: .seconds(60), count: Self.sparkWidth)
        rates = Dictionary(uniqueKeysWithValues: marks.map { ($0.text, Self.rates($1)) })
    }

    /// Deliveries a second between the marks.
    private static func rates(_ marks: [ActivityMark]) -> [Double] {
        zip(marks, marks.dropFirst()).map { one, other in
            Double(max(0, other.claimed - one.claimed)) / max(other.at.timeIntervalSince(one.at), 0.001)
        }
    }

    mutating func read(from broker: Broker) async throws {
        let now = try await broker.statistics()
        reports = QueueReport.reports(now, since: statistics)
        statistics = now
        workers = WorkerEntry.entries(try await broker.consumers(), try await broker.holdings())
        neglected = try await broker.neglectedChores()
        // Rarer than the rest: it costs more, and changes little.
        if readings.isMultiple(of: 5) { topics = try await broker.topicRates() }
        if readings.isMultiple(of: Self.step) { holders = try await broker.segmentHolders(beyond: retention) }
        readings += 1
        guard readings.isMultiple(of: Self.step) else { return }
        for report in reports { rates[report.queue, default: []].append(report.deliveriesPerSecond) }
    }

    struct Report: Encodable {
        let queues: [QueueReport]
        let topics: [String: Double]
        let workers: [WorkerEntry]
        let needsAPerson: [String]
    }

    var report: Report {
        Report(
            queues: reports, topics: Dictionary(uniqueKeysWithValues: topics.map { ($0.text, $1) }), workers: workers,
            needsAPerson: findings)
    }

    /// - Parameters:
    ///   - most: queues that are shown.
    ///   - trouble: why these are old numbers.
    func screen(queues most: Int, trouble: String?) -> TopScreen {
        TopScreen(
            headline: headline, findings: [trouble].compactMap(\.self) + findings,
            rest: [""] + topicLines + [""] + WorkerEntry.table(workers).lines
        ) { lines(ofQueues: min(most, $0)) }
    }

    private func lines(ofQueues most: Int) -> [String] {
        let shown =
            reports.count <= most ? reports : Array(reports.sorted { Self.weight($0) > Self.weight($1) }.prefix(most))
        let left = reports.count - shown.count
        return table(shown).lines + (left > 0 ? ["and \(CountText(left, "more queue"))"] : [])
    }

    private static func weight(_ report: QueueReport) -> Double {
        Double(report.dead + report.waiting + report.inFlight) + report.deliveriesPerSecond
    }

    private var headline: String {
        func sum(_ part: (QueueReport) -> Int) -> Int { reports.map(part).reduce(0, +) }
        let rate = reports.map(\.deliveriesPerSecond).reduce(0, +)
        let numbers =
            "\(sum(\.waiting)) waiting, \(sum(\.inFlight)) in flight, \(sum(\.dead)) dead, "
            + "\(Int(rate.rounded())) delivered a second"
        return "\(CountText(reports.count, "queue")): \(numbers) · \(CountText(workers.count, "worker"))"
            + " · \(Date().clockText.prefix(8)) UTC"
    }

    /// What an operator has to do something about.
    private var findings: [String] {
        let breakers = workers.flatMap { entry in
            entry.worker.breakers.sorted { $0.key < $1.key }.map {
                "\(entry.worker.name) has stopped claiming from \($0.key): \($0.value.prefix(60))"
            }
        }
        let upkeep = neglected.map { "\($0.name) fails for an hour: \($0.error ?? "no reason was told")" }
        let log = holders.map { "\($0.queue) keeps the log since \($0.sinceText): something in it is not finished" }
        return statistics.flatMap(Self.findings) + breakers + upkeep + log
    }

    private static func findings(of queue: QueueStatistics) -> [String] {
        let age = queue.oldestWaiting ?? 0
        let isUnattended = max(age, queue.overdue ?? 0) > 30 && queue.inFlight == 0 && !queue.isPaused
        return [
            queue.dead > 0 ? "\(queue.queue) has \(CountText(queue.dead, "dead letter"))" : nil,
            isUnattended ? "nobody receives from \(queue.queue)" : nil,
            age > 300 && !isUnattended ? "\(queue.queue) is \(Span(seconds: age).text) behind" : nil,
            queue.blockedKeys > 0 ? "\(queue.queue) has \(CountText(queue.blockedKeys, "blocked key"))" : nil,
        ].compactMap(\.self)
    }

    private func table(_ reports: [QueueReport]) -> Table {
        Table(
            [
                .text("QUEUE"), .number("WAITING"), .number("IN FLIGHT"), .number("NOT DUE"), .number("HELD"),
                .number("DEAD"), .number("OLDEST"), .number("PER SECOND"), .text("15 MINUTES"), .text(""),
            ],
            rows: reports.map { report in
                [
                    report.queue, "\(report.waiting)", "\(report.inFlight)", "\(report.scheduled + report.retrying)",
                    "\(report.held)", "\(report.dead)",
                    report.oldestWaitingSeconds.map { Span(seconds: $0).text } ?? "-",
                    "\(Int(report.deliveriesPerSecond.rounded()))",
                    Sparkline(rates[report.queue] ?? [], width: Self.sparkWidth).text, report.isPaused ? "paused" : "",
                ]
            })
    }

    private var topicLines: [String] {
        Table(
            [.text("TOPIC"), .number("PER SECOND")],
            rows: topics.sorted { $0.key.text < $1.key.text }.map { [$0.key.text, Rate.text($0.value)] }
        ).lines
    }
}

/// What `top` shows, as much of it as there is room for: first the headline and what needs a person, then the queues,
/// then the rest.
struct TopScreen {
    let headline: String
    let findings: [String]
    let rest: [String]
    /// The table of so many queues at the most, with its title, and a line that counts the others.
    let queues: (Int) -> [String]

    /// - Parameter rows: of the terminal.
    func lines(within rows: Int) -> [String] {
        let told = Screen.cut(findings, to: rows == .max ? .max : max(2, rows / 3), "more finding")
        let top = [headline] + told.map { "! \($0)" } + [""]
        // The title, the others, what the screen leaves out, and the cursor.
        return top + queues(rows == .max ? .max : max(1, rows - top.count - 4)) + rest
    }
}

/// Messages a second, with a digit where that tells something.
enum Rate {
    static func text(_ rate: Double) -> String {
        rate < 10 ? "\((rate * 10).rounded() / 10)" : "\(Int(rate.rounded()))"
    }
}
