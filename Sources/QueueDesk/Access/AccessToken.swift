import Crypto
import Foundation

/// What lets a browser in, as the password of its login.
///
/// Guarantee: of a token its SHA-256 alone is kept, and nothing of it is printed, however it is.
public struct AccessToken: Sendable {
    /// Whose it is; nil when it is many people's.
    public let owner: String?
    private let digest: [UInt8]

    /// What a token has at least, in bytes: too long to be guessed.
    public static let shortest = 20
    private static let mark = "sha256:"

    /// Reads `TOKEN` or `OWNER=TOKEN`, where `sha256:HEX` may stand for a token: its SHA-256 in 64 hexadecimal digits.
    ///
    /// Nil for a token shorter than ``shortest``, and for an owner's name of other characters than letters, digits,
    /// `.`, `_`, `@` and `-`. How long a token is can't be told from its digest: whoever makes one sees to that.
    public init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1)
        // A token in Base64 may end with such signs.
        let isOwned = parts.count == 2 && parts[1].contains { $0 != "=" }
        guard let digest = Self.digest(of: isOwned ? parts[1] : text[...]) else { return nil }
        if isOwned, (try? #/[A-Za-z0-9._@-]{1,64}/#.wholeMatch(in: parts[0])) == nil { return nil }
        owner = isOwned ? String(parts[0]) : nil
        self.digest = digest
    }

    /// A digest with a slip in it is none, rather than a token that nobody meant.
    private static func digest(of token: Substring) -> [UInt8]? {
        if token.hasPrefix(mark) { return bytes(of: token.dropFirst(mark.count)) }
        return token.utf8.count >= shortest ? Array(SHA256.hash(data: Data(token.utf8))) : nil
    }

    private static func bytes(of digits: Substring) -> [UInt8]? {
        let values = digits.compactMap(\.hexDigitValue)
        let count = 2 * SHA256Digest.byteCount
        guard digits.utf8.count == count, values.count == count else { return nil }
        return stride(from: 0, to: count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    }

    /// Whether it is what somebody shows. In a time that tells nothing of it.
    func isSame(as shown: [UInt8]) -> Bool { SHA256.hash(data: shown) == digest }
}

extension AccessToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { (owner.map { "\($0)=" } ?? "") + "***" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
