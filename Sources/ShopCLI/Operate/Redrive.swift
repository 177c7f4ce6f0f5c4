import ArgumentParser
import MessageQueue
import Postgres

struct RedriveDead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive",
        abstract: "Sends dead letters back to their queues, as fresh messages with the same ids.")

    @Option(help: Allowed.rate.help("The most messages per second."), transform: Allowed.rate.read)
    var rate: Double?
    @OptionGroup var action: DeadAction
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let report = try await connection.withDatabase { database in
            let broker = Broker(database)
            if action.dryRun { return try await action.match(in: broker) }
            return ActionReport(try await broker.redrive(action.selection.filter, rate: rate))
        }
        try output.show(report, text: report.text(verb: "sent back"))
    }
}

struct PurgeDead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge", abstract: "Deletes dead letters for ever; what they stood for is not done.")

    @OptionGroup var action: DeadAction
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let report = try await connection.withDatabase { database in
            let broker = Broker(database)
            if action.dryRun { return try await action.match(in: broker) }
            return ActionReport(try await broker.purge(action.selection.filter))
        }
        try output.show(report, text: report.text(verb: "deleted"))
    }
}

/// Which dead letters, and whether in earnest.
struct DeadAction: ParsableArguments {
    @Flag(help: "Only count what matches.")
    var dryRun = false
    @Flag(help: "Mean every dead letter, when nothing narrows it down.")
    var all = false
    @OptionGroup var selection: DeadSelection

    func validate() throws {
        if selection.isEmpty, !all, !dryRun {
            throw ValidationError(
                "Say which: --queue, --reason, --older-than, --message, --order, --key, --error or --ticket; or --all.")
        }
    }

    func match(in broker: Broker) async throws -> ActionReport {
        ActionReport(counted: try await broker.deadLetterMatch(selection.filter))
    }
}

/// What was done: moved + skipped + failed = matched, unless it was a dry run.
struct ActionReport: Encodable {
    let matched, moved, skipped, failed: Int
    let isDryRun: Bool
    /// The last letter that a dry run counted.
    let lastTicket: Int64?

    init(_ report: RedriveReport) {
        (matched, moved, skipped, failed) = (report.matched, report.moved, report.skipped, report.failed)
        (isDryRun, lastTicket) = (false, nil)
    }

    init(counted match: DeadLetterMatch) {
        (matched, moved, skipped, failed) = (match.count, 0, 0, 0)
        (isDryRun, lastTicket) = (true, match.lastTicket)
    }

    func text(verb: String) -> String {
        let hold = lastTicket.map { " These, and none that dies later: --through \($0)" } ?? ""
        if isDryRun { return "\(matched) would be \(verb); nothing was changed.\(hold)" }
        return "\(moved) of \(matched) \(verb), \(skipped) gone already, \(failed) still dead."
    }
}
