import ArgumentParser
import Foundation
import MessageQueue
import Postgres
import ShoeShop
import Terminal

struct SendMessage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Sends a message by hand to a queue, or publishes it to a topic.",
        discussion: """
            shoeshop send --queue refunds --body @refund.json --key 0199f2b0-5f61-7c3e-9a46-2f0f3c1d5b77
            shoeshop send --queue payment --from 0199f2b0-5f61-7c3e-9a46-2f0f3c1d5b77 --body - < changed.json

            shoeshop send --queue letters --raw --body 'no JSON at all'

            The body has to be what the steps of the queue read. With --from, whatever is not given is taken from that message,
            which stays what and where it is: the new one names it as its parent. Recorded, see shoeshop audit.
            """)

    @Option(help: "To this queue.", completion: .queues)
    var queue: String?
    @Option(help: "To all that hear this topic.")
    var topic: String?
    @Option(help: "Begin with the message of this id.", transform: ShowMessage.message)
    var from: MessageID?
    @Option(help: "JSON; @FILE reads it from a file, and - from standard input.")
    var body: String?
    @Flag(help: "Take the body as it is, JSON or not: for queues of clients of MNS and RocketMQ, and for plain text.")
    var raw = false
    @Option(help: "What it is about, such as the id of an order.")
    var key: String?
    @Option(help: "What subscriptions filter by.")
    var tag: String?
    @Option(name: .customLong("header"), help: "A header, as name=value; may be repeated.", transform: Self.header)
    var headers: [Header] = []
    @Option(help: Allowed.any.help("Not delivered before this has passed."), transform: Allowed.any.read)
    var delay: Duration?
    @Option(
        help: priorities.help("In a queue with priorities: 1 comes first. Default: 8, or that of --from."),
        transform: priorities.read)
    var priority: Int?
    @Flag(help: "Only show what would be sent, once it is found to be right.")
    var dryRun = false
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    private static let priorities = Allowed.whole(1...16)

    func validate() throws {
        if (queue == nil) == (topic == nil) { throw ValidationError("Give either --queue or --topic.") }
        if body == nil, from == nil { throw ValidationError("Give --body, or --from to begin with another message.") }
        if topic != nil, delay != nil { throw ValidationError("What is published to a topic goes at once.") }
    }

    func run() async throws {
        let draft = try await connection.withDatabase { database in
            let broker = Broker(database)
            let draft = try await self.draft(in: broker)
            try draft.check()
            try await check(draft, in: broker)
            if !dryRun { try await send(draft, through: broker) }
            return draft
        }
        let place = queue ?? topic ?? ""
        try output.show(
            DraftReport(draft, to: place, isDryRun: dryRun),
            text: dryRun ? DraftReport(draft, to: place, isDryRun: true).text : "\(draft.id) was sent to \(place).")
    }

    private func draft(in broker: Broker) async throws -> Draft {
        var draft = Draft(body: try bytes() ?? [])
        if let from {
            guard let record = try await broker.inspect(from) else {
                throw ValidationError("Nothing is known of \(from): it never was, or is older than the retention.")
            }
            draft = Draft(changing: record.message, priority: record.priority)
            if let body = try bytes() { (draft.body, draft.isRaw) = (body, false) }
        }
        if raw { draft.isRaw = true }
        draft.key = key ?? draft.key
        draft.tag = tag ?? draft.tag
        draft.delay = delay ?? .zero
        draft.priority = priority.map { Priority(clamping: $0) } ?? draft.priority
        for header in headers { draft.headers[header.name] = header.value }
        return draft
    }

    private func check(_ draft: Draft, in broker: Broker) async throws {
        for queue in try await receivers(of: draft, in: broker) {
            do { try MessageChecks.all[queue]?(draft.body) } catch {
                throw ValidationError("\(queue) can't read this body: \(DecodingText(error))")
            }
        }
    }

    private func receivers(of draft: Draft, in broker: Broker) async throws -> [QueueName] {
        if let topic { return try await broker.hearers(of: TopicName(topic), tag: draft.tag) }
        guard let queue else { return [] }
        return [try await broker.queue(QueueName(queue)).queue]
    }

    private func send(_ draft: Draft, through broker: Broker) async throws {
        if let queue {
            try await broker.send(draft, to: QueueName(queue))
        } else if let topic {
            try await broker.publish(draft, to: TopicName(topic))
        }
    }

    private func bytes() throws -> [UInt8]? {
        guard let body else { return nil }
        if body == "-" { return [UInt8](FileHandle.standardInput.readDataToEndOfFile()) }
        guard body.hasPrefix("@") else { return Array(body.utf8) }
        guard let data = FileManager.default.contents(atPath: String(body.dropFirst())) else {
            throw ValidationError("\(body.dropFirst()) can't be read.")
        }
        return [UInt8](data)
    }

    struct Header: Sendable { let name, value: String }

    private static func header(_ text: String) throws -> Header {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty else { throw ValidationError("it must be name=value") }
        return Header(name: parts[0], value: parts[1])
    }
}

private struct DraftReport: Encodable {
    let message, to: String
    let key, tag, parent: String?
    let priority: Int
    let headers: [String: String]
    /// Text when it is UTF-8, else Base64.
    let body: String
    let isDryRun: Bool

    init(_ draft: Draft, to place: String, isDryRun: Bool) {
        (message, to) = ("\(draft.id)", place)
        (key, tag, parent) = (draft.key, draft.tag, draft.parent.map { "\($0)" })
        (priority, headers) = (draft.priority.number, draft.headers)
        body = String(validating: draft.body, as: UTF8.self) ?? Data(draft.body).base64EncodedString()
        self.isDryRun = isDryRun
    }

    var text: String {
        let facts: [(String, String?)] = [
            ("to", to), ("key", key), ("tag", tag), ("parent", parent), ("priority", "\(priority)"),
            ("headers", headers.isEmpty ? nil : headers.map { "\($0)=\($1)" }.sorted().joined(separator: ", ")),
            ("body", body),
        ]
        return facts.compactMap { name, value in
            value.map { name.padding(toLength: 10, withPad: " ", startingAt: 0) + $0.visibleLine }
        }.joined(separator: "\n") + "\nNothing was sent."
    }
}
