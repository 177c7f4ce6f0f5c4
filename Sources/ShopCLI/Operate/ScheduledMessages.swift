import ArgumentParser
import Foundation
import MessageQueue

struct ListScheduled: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scheduled", abstract: "Lists what of a queue is not due yet, retries too, the soonest first.",
        discussion: """
            shoeshop messages scheduled payment
            shoeshop messages hasten payment s.4711.12.1f03a9c2      delivers that one now
            shoeshop messages hasten payment --retrying              and now all that wait for another attempt
            shoeshop messages cancel payment s.4711.13.1f03a9c2      takes that one back, for good

            TRY is the attempt that comes next: from 2 on a message has failed, and waits for its back-off.
            """)

    @Argument(help: "The queue.", completion: .queues) var queue: String
    @Option(help: "Where the page before says that it goes on.", transform: Self.position)
    var from: ScheduledPosition?
    @Option(help: Allowed.listed.help("The most that are listed.", default: 100), transform: Allowed.listed.read)
    var limit = 100
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let page = try await connection.withDatabase {
            try await Broker($0).scheduled(in: QueueName(queue), after: from, limit: limit)
        }
        // What is told as a number is never cut.
        try output.show(ScheduledReport(page)) {
            Table(
                [
                    .number("DUE"), .number("TRY"), .number("RECEIPT"), .text("KEY, OR MESSAGE"), .text("TAG"),
                ],
                rows: page.entries.map { entry in
                    [
                        entry.dueAt.ISO8601Format(), "\(entry.attempt)", "\(entry.receipt)",
                        entry.key ?? "\(entry.message)", entry.tag ?? "",
                    ]
                })
        }
        if let next = page.next, !output.json { Output.print("More: --from \(next)") }
    }

    private static func position(_ text: String) throws -> ScheduledPosition {
        guard let position = ScheduledPosition(text) else { throw ValidationError("no page ends like that") }
        return position
    }
}

struct HastenMessages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hasten", abstract: "Delivers now what is not due yet.",
        discussion: "What fails again waits for its back-off again. Recorded, see shoeshop audit.")

    @Argument(help: "The queue.", completion: .queues) var queue: String
    @Argument(help: "Receipts, as shoeshop messages scheduled tells them.", transform: ScheduledReceipt.read)
    var receipts: [ScheduledReceipt] = []
    @Flag(help: "All that wait for another attempt.")
    var retrying = false
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func validate() throws {
        if receipts.isEmpty != retrying { throw ValidationError("Give either receipts or --retrying.") }
    }

    func run() async throws {
        let count = try await connection.withDatabase { database in
            let broker = Broker(database)
            if retrying { return try await broker.hasten(retryingIn: QueueName(queue)) }
            return try await broker.hasten(receipts, in: QueueName(queue)).count
        }
        if count == 0, !retrying { throw ScheduledReceipt.noneWaits(in: queue) }
        try output.show(
            ChangedReport(queue: queue, messages: count), text: "\(count) of \(queue) will be delivered now.")
    }
}

struct CancelMessages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Takes back for good what is not due yet; what it stood for is not done.",
        discussion: "Also what waits for another attempt: it is not tried any more. Recorded, see shoeshop audit.")

    @Argument(help: "The queue.", completion: .queues) var queue: String
    @Argument(help: "Receipts, as shoeshop messages scheduled tells them.", transform: ScheduledReceipt.read)
    var receipts: [ScheduledReceipt]
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let count = try await connection.withDatabase {
            try await Broker($0).cancel(receipts, in: QueueName(queue)).count
        }
        if count == 0 { throw ScheduledReceipt.noneWaits(in: queue) }
        try output.show(ChangedReport(queue: queue, messages: count), text: "\(count) of \(queue) cancelled.")
    }
}

extension ScheduledReceipt {
    @Sendable fileprivate static func read(_ text: String) throws -> ScheduledReceipt {
        guard let receipt = ScheduledReceipt(text) else {
            throw ValidationError("\(text) is no receipt of a message that waits until it is due.")
        }
        return receipt
    }

    fileprivate static func noneWaits(in queue: String) -> ValidationError {
        ValidationError("None of these waits in \(queue) any more.")
    }
}

private struct ChangedReport: Encodable {
    let queue: String
    let messages: Int
}

private struct ScheduledReport: Encodable {
    struct Entry: Encodable {
        let message: MessageID
        let key, tag: String?
        /// The one that comes next.
        let attempt: Int
        let sentAt, dueAt: Date
        let receipt: String
    }

    let entries: [Entry]
    let next: String?

    init(_ page: ScheduledPage) {
        entries = page.entries.map { entry in
            Entry(
                message: entry.message, key: entry.key, tag: entry.tag, attempt: entry.attempt, sentAt: entry.sentAt,
                dueAt: entry.dueAt, receipt: "\(entry.receipt)")
        }
        next = page.next.map { "\($0)" }
    }
}
