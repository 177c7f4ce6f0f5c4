import Crypto
import Foundation
import MessageQueue

/// Who makes a call: an access key that has proved itself.
struct Account: Sendable {
    let id: String
    let permissions: [Permission]

    /// As whose deed it is recorded what the account makes, changes and deletes, by whichever dialect.
    var caller: Operator { Operator(id, via: "gateway") }

    func mayUse(_ verb: AccessVerb, on resource: String) -> Bool {
        permissions.contains { $0.allows(verb, on: resource) }
    }

    /// - Throws: ``Refusal``.
    func demand(_ verb: AccessVerb, onQueue name: String) throws { try demand(verb, on: "queues/\(name)") }
    func demand(_ verb: AccessVerb, onTopic name: String) throws { try demand(verb, on: "topics/\(name)") }
    /// Of what is noted of all queues and topics together.
    func demandAccount(_ verb: AccessVerb) throws { try demand(verb, on: "account") }

    private func demand(_ verb: AccessVerb, on resource: String) throws {
        guard mayUse(verb, on: resource) else {
            throw Refusal(.accessDenied, "The access key \(id) may not \(verb.rawValue) on \(resource).")
        }
    }
}

/// An access key as a gateway knows it, unsealed.
struct OpenKey: Sendable {
    let account: Account
    private let secret: String
    let pace: KeyPace?

    init(account: Account, secret: String, pace: KeyPace?) {
        self.account = account
        self.secret = secret
        self.pace = pace
    }

    /// In constant time.
    func hasSigned(_ text: String, as signature: [UInt8]) -> Bool {
        HMAC<Insecure.SHA1>.isValidAuthenticationCode(
            signature, authenticating: Data(text.utf8), using: SymmetricKey(data: Data(secret.utf8)))
    }

    /// In constant time, as digests of equal length.
    func hasSecret(_ text: String) -> Bool {
        SHA256.hash(data: Data(text.utf8)) == SHA256.hash(data: Data(secret.utf8))
    }

    static func signature(of text: String, with secret: String) -> String {
        let key = SymmetricKey(data: Data(secret.utf8))
        return Data(HMAC<Insecure.SHA1>.authenticationCode(for: Data(text.utf8), using: key)).base64EncodedString()
    }
}
