import ArgumentParser
import Foundation
import MessageQueue

struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows who made, changed, paused, redrove, purged or sent what, and when, the latest first.",
        discussion: "Recorded with each change, made here, at the desk, through the gateway or by a program.")

    @Option(help: "Only those before the action of this number: the last of the page before.")
    var before = Int64.max
    @Option(help: "Only by this person; where a program did not say who, by this role of the database.")
    var by: String?
    @Option(help: "Only this: \(verbs).", transform: Self.verb)
    var verb: OperatorAction.Verb?
    @OptionGroup var listing: Listing
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    private static let verbs = OperatorAction.Verb.allCases.map(\.rawValue).joined(separator: ", ")

    private static func verb(_ text: String) throws -> OperatorAction.Verb {
        guard let verb = OperatorAction.Verb(rawValue: text) else {
            throw ValidationError("it must be one of: \(verbs)")
        }
        return verb
    }

    func run() async throws {
        let actions = try await connection.withDatabase {
            try await Broker($0).operatorActions(
                before: before, queue: listing.queue, by: by, verb: verb, limit: listing.limit)
        }
        try output.show(actions) {
            Table(
                [
                    .number("NUMBER"), .text("BEGAN"), .text("BY"), .text("DID"), .text("QUEUE"), .number("MESSAGES"),
                    .text("STANDING"), .text("MORE"),
                ],
                rows: actions.map(\.cells))
        }
    }
}

extension OperatorAction {
    fileprivate var cells: [String] {
        let more = detail.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return [
            "\(number)", beganAt.ISO8601Format(), by.map { "\($0.name) (\($0.via))" } ?? role, verb.rawValue,
            queue?.text ?? "any",
            "\(messages)", standing.rawValue, more.joined(separator: ", "),
        ]
    }
}
