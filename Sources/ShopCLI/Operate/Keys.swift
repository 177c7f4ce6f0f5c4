import ArgumentParser
import Foundation
import MessageQueue
import QueueGateway

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes, shows and takes back the keys by which programs use the gateway.",
        discussion: """
            shoeshop keys create --label billing --allow 'receive:queues/order-*' --allow 'send:topics/*'

            A key's secret is told once, when it is made or rotated. Needs the secret that the gateways run with: from
            GATEWAY_SECRET_KEY, from the file of GATEWAY_SECRET_KEY_FILE, else the one of the shop's --folder.
            """,
        subcommands: [KeysCreate.self, KeysList.self, KeysRotate.self, KeysRevoke.self])
}

struct KeysCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes a key, and tells its secret, which nobody can read again.")

    @Option(help: "Whose it is.") var label = ""
    @Option(
        help: """
            What it may do, and where: send, receive, read, manage, or * for all, a colon, and queues/NAME, topics/NAME or account, \
            where * stands for any characters. Can be given several times. Default: everything.
            """, transform: Self.permission)
    var allow: [Permission] = []
    @Option(help: Allowed.rate.help("The most calls a second, through each gateway."), transform: Allowed.rate.read)
    var rate: Double?
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let secret = try connection.folder.shop.gatewaySecret()
        let made = try await connection.withDatabase { database in
            try await secret.makeKey(
                label: label, permissions: allow.isEmpty ? [.everything] : allow, ratePerSecond: rate,
                on: Broker(database))
        }
        try output.show(made)
    }

    @Sendable private static func permission(_ text: String) throws -> Permission {
        guard let permission = Permission(text) else {
            throw ValidationError("'\(text)' is no permission such as send,receive:queues/orders-*")
        }
        return permission
    }
}

struct KeysList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Shows the keys, without their secrets.")

    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let keys = try await connection.withDatabase { try await Broker($0).accessKeys() }
        try output.show(keys.map { KeyReport($0) }) {
            Table(
                [.text("ID"), .text("LABEL"), .text("MAY"), .number("A SECOND"), .text("MADE"), .text("USED")],
                rows: keys.map(\.cells))
        }
    }
}

struct KeysRotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Gives a key another secret; the one before is worth nothing any more.")

    @Argument var id: String
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let secret = try connection.folder.shop.gatewaySecret()
        let made = try await connection.withDatabase { try await secret.rotateKey(id, on: Broker($0)) }
        guard let made else { throw ValidationError("There is no key \(id) that is good.") }
        try output.show(made)
    }
}

struct KeysRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Makes a key worthless, for ever; within two seconds everywhere.")

    @Argument var id: String
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        guard try await connection.withDatabase({ try await Broker($0).revoke(accessKey: id) }) else {
            throw ValidationError("There is no key \(id) that is good.")
        }
        try output.show(["revoked": id], text: "Key \(id) is worth nothing any more.")
    }
}

extension Output {
    fileprivate func show(_ made: Credentials) throws {
        try show(made, text: "id      \(made.id)\nsecret  \(made.secret)\nThe secret is not told again.")
    }
}

private struct KeyReport: Encodable {
    let id, label: String
    let permissions: [String]
    let ratePerSecond: Double?
    let createdAt: Date
    let revokedAt, lastUsedAt: Date?

    init(_ key: AccessKey) {
        (id, label, permissions, ratePerSecond) = (
            key.id, key.label, Permission.list(in: key.permissions).map(\.description), key.ratePerSecond
        )
        (createdAt, revokedAt, lastUsedAt) = (key.createdAt, key.revokedAt, key.lastUsedAt)
    }
}

extension AccessKey {
    fileprivate var cells: [String] {
        let allowed = Permission.list(in: permissions).map(\.description).joined(separator: " ")
        return [
            id, label, revokedAt == nil ? allowed : "revoked",
            ratePerSecond.map { "\($0)" } ?? "", createdAt.ISO8601Format(), lastUsedAt?.ISO8601Format() ?? "never",
        ]
    }
}
