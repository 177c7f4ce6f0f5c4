/// What lets a browser in, as the password of its login.
public struct AccessToken: Sendable {
    /// Whose it is; nil when it is many people's.
    public let owner: String?
    let secret: [UInt8]

    /// What a token has at least, in bytes: too long to be guessed.
    public static let shortest = 20

    /// Reads `TOKEN`, or `OWNER=TOKEN`. Nil for a token that is shorter than ``shortest``, and for an owner's name of other characters than
    /// letters, digits, `.`, `_`, `@` and `-`.
    public init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1)
        // A token in Base64 may end with such signs.
        let isOwned = parts.count == 2 && parts[1].contains { $0 != "=" }
        let secret = isOwned ? parts[1] : text[...]
        guard secret.utf8.count >= Self.shortest else { return nil }
        if isOwned, (try? #/[A-Za-z0-9._@-]{1,64}/#.wholeMatch(in: parts[0])) == nil { return nil }
        owner = isOwned ? String(parts[0]) : nil
        self.secret = Array(secret.utf8)
    }
}
