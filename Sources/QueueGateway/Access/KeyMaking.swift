import Crypto
import Foundation
public import MessageQueue

/// An id and a secret, as a client is configured with them. The secret is told once: nobody can read it again.
public struct Credentials: Sendable, Codable, Equatable {
    /// The access key's id.
    public let id: String
    /// What requests are signed with.
    public let secret: String

    /// Letters and digits only, which no configuration file quotes.
    static func random() -> Credentials {
        Credentials(id: "SK" + text(18), secret: text(40))
    }

    static func randomSecret() -> String { text(40) }

    private static let alphabet = Array("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789")

    private static func text(_ length: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return String((0..<length).map { _ in alphabet.randomElement(using: &generator) ?? "A" })
    }
}

extension GatewaySecret {
    /// Makes an access key, for all gateways that share this secret.
    ///
    /// - Parameters:
    ///   - label: whose it is, for people.
    ///   - permissions: what it may be used for.
    ///   - ratePerSecond: the most calls a second through each gateway; nil for any number.
    ///   - broker: whose queues it opens.
    public func makeKey(
        label: String = "", permissions: [Permission] = [.everything], ratePerSecond: Double? = nil, on broker: Broker
    ) async throws -> Credentials {
        while true {
            let made = Credentials.random()
            let key = NewAccessKey(
                id: made.id, label: label, sealedSecret: try seal(made.secret, of: made.id),
                permissions: try Permission.text(of: permissions), ratePerSecond: ratePerSecond)
            if try await broker.create(accessKey: key) { return made }
        }
    }

    /// Gives an access key another secret; the one before is worth nothing, within two seconds everywhere.
    ///
    /// - Returns: nil when there is no such key, or it is revoked.
    public func rotateKey(_ id: String, on broker: Broker) async throws -> Credentials? {
        let made = Credentials(id: id, secret: Credentials.randomSecret())
        return try await broker.rotate(accessKey: id, to: try seal(made.secret, of: id)) ? made : nil
    }
}
