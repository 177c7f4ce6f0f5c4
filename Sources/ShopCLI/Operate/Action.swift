import ArgumentParser
import Foundation
import MessageQueue
import Terminal

struct Action: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what an operator began, and pauses, resumes, slows or stops a redrive that is under way.",
        discussion: "The numbers are those of shoeshop audit. It is steered in whichever process it runs.",
        subcommands: [ShowAction.self, PauseAction.self, ResumeAction.self, LimitAction.self, StopAction.self],
        defaultSubcommand: ShowAction.self)
}

struct ShowAction: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows how far it has come, and what became of each message it sent back.")

    @Argument(help: "Its number.") var number: Int64
    @Option(help: "Those messages that come after this ticket.")
    var after: Int64 = 0
    @Option(help: Allowed.listed.help("The most that are listed.", default: 100), transform: Allowed.listed.read)
    var limit = 100
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let report = try await connection.withDatabase { database in
            let broker = Broker(database)
            guard let action = try await broker.operatorAction(number) else {
                throw ValidationError("There is no action \(number).")
            }
            return ActionDetail(
                action: action, messages: try await broker.redriven(by: number, after: after, limit: limit))
        }
        try output.show(report, text: report.text)
    }
}

struct PauseAction: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pause", abstract: "Lets it wait at its next step.")
    @OptionGroup var target: ActionTarget

    func run() async throws { try await target.act("is paused") { try await $0.pause(action: $1) } }
}

struct ResumeAction: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Lets it go on.")
    @OptionGroup var target: ActionTarget

    func run() async throws { try await target.act("goes on") { try await $0.resume(action: $1) } }
}

struct StopAction: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Ends it: what it has moved stays moved, the rest are dead letters still.")
    @OptionGroup var target: ActionTarget

    func run() async throws { try await target.act("is stopped") { try await $0.stop(action: $1) } }
}

struct LimitAction: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "limit", abstract: "Changes the rate of a redrive.")
    @Option(help: Allowed.rate.help("The most messages per second."), transform: Allowed.rate.read)
    var rate: Double?
    @Flag(help: "As fast as it goes.")
    var none = false
    @OptionGroup var target: ActionTarget

    func validate() throws {
        if none == (rate != nil) { throw ValidationError("Give either --rate or --none.") }
    }

    func run() async throws {
        let deed = rate.map { "sends back \($0) a second at the most" } ?? "goes as fast as it can"
        try await target.act(deed) { try await $0.limit(action: $1, to: rate) }
    }
}

struct ActionTarget: ParsableArguments {
    @Argument(help: "Its number.") var number: Int64
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func act(_ deed: String, _ action: (Broker, Int64) async throws -> Bool) async throws {
        guard try await connection.withDatabase({ try await action(Broker($0), number) }) else {
            throw ValidationError("Action \(number) has ended, or is nothing that can be steered so.")
        }
        try output.show(["action": number], text: "Action \(number) \(deed).")
    }
}

private struct ActionDetail: Encodable {
    let action: OperatorAction
    let messages: [RedrivenMessage]

    var text: String {
        let facts: [(String, String?)] = [
            ("did", action.verb.rawValue), ("standing", action.standing.rawValue), ("queue", action.queue?.text),
            ("messages", "\(action.messages)\(action.matched.map { " of \($0)" } ?? "")"),
            ("rate", action.rate.map { "\($0) a second" }),
            ("by", action.by.map { "\($0.name) (\($0.via))" } ?? action.role),
            ("began", action.beganAt.ISO8601Format()), ("ended", action.endedAt?.ISO8601Format()),
        ]
        let more = action.detail.sorted { $0.key < $1.key }.map { ($0.key, Optional($0.value)) }
        let lines = (facts + more).compactMap { name, value in
            value.map { name.padding(toLength: 10, withPad: " ", startingAt: 0) + $0.visibleLine }
        }
        return (lines + (messages.isEmpty ? [] : [""] + table.lines)).joined(separator: "\n")
    }

    private var table: Table {
        Table(
            [.number("TICKET"), .text("QUEUE"), .text("KEY, OR MESSAGE"), .text("OUTCOME"), .text("ERROR")],
            rows: messages.map { message in
                [
                    "\(message.ticket)", message.queue.text, message.attempt?.key ?? "\(message.message)",
                    message.attempt?.outcome.rawValue ?? "no longer known", message.attempt?.error ?? "",
                ]
            })
    }
}
