import ArgumentParser
import MessageQueue
import Postgres
import ShoeShop

struct Dead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows dead letters, sends them back to their queues, or deletes them.",
        subcommands: [DeadReasons.self, ListDead.self, ShowDead.self, RedriveDead.self, PurgeDead.self])
}

struct ListDead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists dead letters, oldest first.")

    @Option(help: "Those that come after this ticket: the last of the page before.")
    var after: Int64 = 0
    @Option(help: Allowed.listed.help("The most that are listed.", default: 100), transform: Allowed.listed.read)
    var limit = 100
    @OptionGroup var selection: DeadSelection
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let letters = try await connection.withDatabase { database in
            try await Broker(database).deadLetters(selection.filter, after: after, limit: limit).map(DeadReport.init)
        }
        try output.show(letters) {
            Table(
                [
                    .number("TICKET"), .text("DIED"), .text("QUEUE"), .text("ORDER, OR MESSAGE"), .number("TRIES"),
                    .text("REASON"),
                ],
                rows: letters.map { letter in
                    [
                        "\(letter.ticket)", letter.diedAt.clockText, letter.queue, letter.key ?? letter.message,
                        "\(letter.attempts)", letter.reasonAndError,
                    ]
                })
        }
        if letters.count == limit, let last = letters.last, !output.json {
            Output.print("More: --after \(last.ticket)")
        }
    }
}

struct ShowDead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows all of a dead letter: headers, body, and what became of each attempt.")

    @Argument(help: "The id of the message or of the order, or the message's key.")
    var id: String
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let letters = try await connection.withDatabase { database in
            try await find(in: Broker(database)).map(DeadReport.init)
        }
        if letters.isEmpty, !output.json {
            throw ValidationError("No dead letter has the message or order id, or the key, \(id).")
        }
        try output.show(letters, text: letters.map(\.text).joined(separator: "\n\n"))
    }

    private func find(in broker: Broker) async throws -> [DeadLetter] {
        let meanings: [DeadLetterFilter?] = [
            DeadLetterFilter(key: id), OrderID(id).map { DeadLetterFilter(key: "\($0)") },
            MessageID(id).map { DeadLetterFilter(message: $0) },
        ]
        for filter in meanings.compactMap(\.self) {
            let letters = try await broker.deadLetters(filter)
            if !letters.isEmpty { return letters }
        }
        return []
    }
}

/// Which dead letters are meant; everything given has to hold.
struct DeadSelection: ParsableArguments {
    @Option(help: "Only of this queue.", completion: .queues)
    var queue: String?
    @Option(help: "Only with this reason.")
    var reason: String?
    @Option(
        help: Allowed.any.help("Only those that died longer ago than this: 30s, 5m, 2h, 1d."),
        transform: Allowed.any.read)
    var olderThan: Duration?
    @Option(help: "Only the message with this id.")
    var message: String?
    @Option(help: "Only messages of this order, by its id.")
    var order: String?
    @Option(help: "Only messages with this key, as it was sent.")
    var key: String?
    @Option(help: "Only with an error that has this in it.")
    var error: String?
    @Option(name: .customLong("ticket"), help: "Only the letter with this ticket, as they are listed; may be repeated.")
    var tickets: [Int64] = []
    @Option(help: "None that died after the letter with this ticket, such as the last that a dry run counted.")
    var through: Int64?

    var filter: DeadLetterFilter {
        DeadLetterFilter(
            queue: queue.map { QueueName($0) }, reason: reason, olderThan: olderThan,
            message: message.flatMap { MessageID($0) }, key: key ?? orderKey, error: error,
            tickets: tickets.isEmpty ? nil : tickets, through: through)
    }

    /// Orders' ids are written in lower case; any other text is taken as it is.
    private var orderKey: String? { order.map { text in OrderID(text).map { "\($0)" } ?? text } }

    var isEmpty: Bool {
        [queue, reason, message, order, key, error].allSatisfy { $0 == nil } && olderThan == nil && tickets.isEmpty
    }

    func validate() throws {
        if let message, MessageID(message) == nil { throw ValidationError("\(message) is no message id (a UUID).") }
        if order != nil, key != nil { throw ValidationError("Give either --order or --key.") }
    }
}
