import Foundation
import HTTPTypes

/// An access key as a client presents it, with its secret: by HTTP Basic, which `curl --user` and every HTTP client can, or as
/// `Bearer ID:SECRET`, for those that only know how to send a token.
struct PresentedKey {
    let id: String
    let secret: String

    /// - Throws: ``Problem``.
    init(_ head: CallHead) throws {
        guard let text = head.authorization else {
            throw Problem(.unauthenticated, "The header Authorization is missing.")
        }
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 2, let pair = Self.pair(words[0].lowercased(), words[1]) else {
            throw Problem(
                .unauthenticated,
                "The header Authorization is neither Basic with id and secret, nor \"Bearer ID:SECRET\".")
        }
        (id, secret) = pair
    }

    private static func pair(_ scheme: String, _ told: String) -> (String, String)? {
        let text: String? =
            switch scheme {
            case "bearer": told
            case "basic": Data(base64Encoded: told).flatMap { String(validating: $0, as: UTF8.self) }
            default: nil
            }
        let parts = text?.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let parts, parts.count == 2, !parts[0].isEmpty else { return nil }
        return (parts[0], parts[1])
    }

    /// Whose it is. That nobody has the key is told in the words of one whose secret is another.
    ///
    /// - Throws: ``Problem``.
    func account(among keys: KeyRing) async throws -> Account {
        guard let key = try await keys.key(id), key.hasSecret(secret) else {
            throw Problem(.unauthenticated, "There is no access key with this id and secret.")
        }
        guard key.pace?.take() ?? true else {
            throw Problem(.tooManyRequests, "This access key makes more calls a second than it may.")
        }
        keys.use(id)
        return key.account
    }
}
