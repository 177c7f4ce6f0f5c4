import Crypto
import Foundation
import HTTPTypes

/// How MNS and RocketMQ over HTTP sign requests: alike, but for a word and the prefix of their headers.
struct Signature: Sendable {
    /// The scheme of the `Authorization` header.
    let scheme: String
    /// Headers that begin with this are signed.
    let prefix: String
    /// Stands for `Date` where it is given.
    let date: HTTPField.Name

    static let mns = Signature(scheme: "MNS", prefix: "x-mns-", date: .mnsDate)
    static let rocketMQ = Signature(scheme: "MQ", prefix: "x-mq-", date: .lowercase("x-mq-date"))

    /// Who has signed the call.
    ///
    /// - Throws: ``Refusal``.
    func account(of call: Call, among keys: KeyRing, at now: Date = Date()) async throws -> Account {
        let (id, signature) = try credentials(call.head)
        try check(dateOf: call.head, now)
        try Self.checkDigest(call)
        guard let key = try await keys.key(id) else {
            throw Refusal(.unknownKey, "There is no access key of this id.")
        }
        guard key.hasSigned(text(of: call.head), as: signature) else {
            throw Refusal(.wrongSignature, "The signature is not that of this request by this access key.")
        }
        guard key.pace?.take() ?? true else {
            throw Refusal(.tooManyRequests, "This access key makes more calls a second than it may.")
        }
        keys.use(id)
        return key.account
    }

    /// What is signed.
    func text(of head: CallHead) -> String {
        let own = head.headers.filter { $0.name.canonicalName.hasPrefix(prefix) }
            .map { "\($0.name.canonicalName):\($0.value)\n" }.sorted().joined()
        let date = head.headers[date] ?? head.headers[.date] ?? ""
        return """
            \(head.method.rawValue)
            \(head.headers[.contentMD5] ?? "")
            \(head.headers[.contentType] ?? "")
            \(date)
            \(own)\(head.target)
            """
    }

    private func credentials(_ head: CallHead) throws -> (id: String, signature: [UInt8]) {
        guard let text = head.authorization else {
            throw Refusal(.missingAuthorization, "The header Authorization is missing.")
        }
        let words = text.split(separator: " ")
        let parts = words.last?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        guard words.count == 2, words[0].lowercased() == scheme.lowercased(), parts.count == 2, !parts[0].isEmpty,
            let signature = Data(base64Encoded: String(parts[1]))
        else {
            throw Refusal(.invalidAuthorization, "The header Authorization is no \"\(scheme) ID:SIGNATURE\".")
        }
        return (String(parts[0]), Array(signature))
    }

    private func check(dateOf head: CallHead, _ now: Date) throws {
        guard let text = head.headers[date] ?? head.headers[.date] else {
            throw Refusal(.missingDate, "The header Date is missing.")
        }
        guard let date = RequestDate.parse(text) else {
            throw Refusal(.invalidDate, "The header Date is no date such as Sun, 06 Nov 1994 08:49:37 GMT.")
        }
        guard abs(date.timeIntervalSince(now)) <= RequestDate.window else {
            throw Refusal(.clockOff, "The request's time is more than 15 minutes off.")
        }
    }

    /// Clients write the digest as hexadecimal digits in Base64; the standard has the digest itself there.
    private static func checkDigest(_ call: Call) throws {
        guard let told = call.headers[.contentMD5], !told.isEmpty else { return }
        let digest = Insecure.MD5.hash(data: call.body)
        let decoded = Data(base64Encoded: told) ?? Data()
        guard decoded == Data(digest.hex.utf8) || decoded == Data(digest) else {
            throw Refusal(.wrongDigest, "The header Content-MD5 is not that of the body.")
        }
    }
}

enum BodyDigest {
    /// As clients compare it.
    static func md5(_ text: String) -> String { Insecure.MD5.hash(data: Data(text.utf8)).hex.uppercased() }

    static func sha256(_ bytes: [UInt8]) -> String { SHA256.hash(data: bytes).hex }
}
