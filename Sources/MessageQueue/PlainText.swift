/// Texts whose JSON is the text between quotes, which are most: a coder takes ten times as long for these.
///
/// Says nil to whatever a coder would write or read in another way.
enum PlainText {
    private static let quote = UInt8(ascii: "\"")

    /// JSONEncoder escapes control characters, quotes, and slashes of both kinds.
    static func encode(_ text: String) -> [UInt8]? {
        let passes = text.utf8.allSatisfy { isPlain($0) && $0 != UInt8(ascii: "/") && $0 < 0x7f }
        guard passes else { return nil }
        var body: [UInt8] = []
        body.reserveCapacity(text.utf8.count + 2)
        body.append(quote)
        body.append(contentsOf: text.utf8)
        body.append(quote)
        return body
    }

    static func decode(_ body: [UInt8]) -> String? {
        guard body.count >= 2, body.first == quote, body.last == quote else { return nil }
        let text = body.dropFirst().dropLast()
        guard text.allSatisfy({ isPlain($0) && $0 < 0x80 }) else { return nil }
        return String(decoding: text, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != quote && byte != UInt8(ascii: "\\")
    }
}
