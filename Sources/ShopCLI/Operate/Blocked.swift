import ArgumentParser
import Foundation
import MessageQueue

struct Blocked: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the blocked keys of queues that keep order, and lets them go on.",
        discussion: """
            In such a queue, what comes after a message of the same key that failed waits for it. A key whose message failed
            for good waits until you retry it, or skip it to the dead letters.
            """,
        subcommands: [ListBlocked.self, ShowBlocked.self, RetryBlocked.self, SkipBlocked.self],
        defaultSubcommand: ListBlocked.self)
}

struct ListBlocked: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists blocked keys, longest first.")

    @OptionGroup var listing: Listing
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let keys = try await connection.withDatabase {
            try await Broker($0).blockedKeys(of: listing.queue, limit: listing.limit)
        }
        try output.show(keys) {
            Table(
                [
                    .text("SINCE"), .text("QUEUE"), .text("KEY"), .number("HELD"), .number("TRY"), .text("NEXT"),
                    .text("ERROR"),
                ],
                rows: keys.map { key in
                    [
                        key.since.clockText, key.queue.text, key.key, "\(key.held)", key.attempt.map { "\($0)" } ?? "-",
                        key.next, key.error ?? "",
                    ]
                })
        }
    }
}

extension BlockedKey {
    fileprivate var next: String {
        if needsOperator { return "operator" }
        return retryAt?.clockText ?? "in flight"
    }
}

struct ShowBlocked: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Lists what waits behind a blocked key, in its order.")

    @OptionGroup var target: BlockedTarget
    @Option(help: "Those that come after this place.")
    var after: Int64 = 0
    @Option(help: Allowed.listed.help("The most that are listed.", default: 100), transform: Allowed.listed.read)
    var limit = 100

    func run() async throws {
        let messages = try await target.connection.withDatabase {
            try await Broker($0).blockedMessages(
                of: QueueName(target.queue), key: target.key, after: after, limit: limit)
        }
        try target.output.show(messages) {
            Table(
                [.number("PLACE"), .text("MESSAGE"), .number("TRY"), .text("TAG"), .text("SENT")],
                rows: messages.map { message in
                    [
                        "\(message.place)", "\(message.message)", "\(message.attempt)", message.tag ?? "",
                        message.sentAt.ISO8601Format(),
                    ]
                })
        }
    }
}

struct RetryBlocked: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Tries a blocked key again at once, with all attempts anew.")

    @OptionGroup var target: BlockedTarget

    func run() async throws {
        try await target.act("is tried again") { try await $0.retryBlocked($1, key: $2) }
    }
}

struct SkipBlocked: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skip",
        abstract: "Makes a dead letter of the message that blocks a key; the key goes on without it.")

    @OptionGroup var target: BlockedTarget

    func run() async throws {
        try await target.act("goes on without its first message") { try await $0.skipBlocked($1, key: $2) }
    }
}

struct BlockedTarget: ParsableArguments {
    @Argument(help: "The queue.", completion: .queues) var queue: String
    @Argument var key: String
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func act(_ deed: String, _ action: (Broker, QueueName, String) async throws -> Bool) async throws {
        let isDone = try await connection.withDatabase { try await action(Broker($0), QueueName(queue), key) }
        guard isDone else {
            throw ValidationError(
                "Key \(key) of \(queue) holds nothing: it isn't blocked, or its message is in flight.")
        }
        try output.show(["queue": queue, "key": key], text: "\(key) of \(queue) \(deed).")
    }
}
