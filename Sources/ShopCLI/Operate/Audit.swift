import ArgumentParser
import Foundation
import MessageQueue

struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows who paused, limited, redrove or purged what, and when, the latest first.",
        discussion: "Recorded with each change, whether it was made here, at the desk or by a program.")

    @OptionGroup var listing: Listing
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let actions = try await connection.withDatabase {
            try await Broker($0).operatorActions(queue: listing.queue, limit: listing.limit)
        }
        try output.show(actions) {
            Table(
                [.text("BEGAN"), .text("BY"), .text("DID"), .text("QUEUE"), .number("MESSAGES"), .text("MORE")],
                rows: actions.map(\.cells))
        }
    }
}

extension OperatorAction {
    fileprivate var cells: [String] {
        let more = detail.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return [
            beganAt.ISO8601Format(), by.map { "\($0.name) (\($0.via))" } ?? role, verb.rawValue, queue?.text ?? "any",
            "\(messages)", (more + (endedAt == nil ? ["not ended"] : [])).joined(separator: ", "),
        ]
    }
}
