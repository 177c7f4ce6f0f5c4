/// What stands before a document's root, where alone a document type can be declared.
enum XMLProlog {
    /// - Returns: where the root begins.
    /// - Throws: ``Refusal`` for a document type, and for any encoding but UTF-8, in which one could be hidden.
    static func check(_ bytes: [UInt8]) throws -> Int {
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw Refusal.malformed("not in UTF-8")
        }
        var rest = text.utf8[...]
        if rest.starts(with: "\u{FEFF}".utf8) { rest = rest.dropFirst(3) }
        if rest.starts(with: "<?xml".utf8) { try checkEncoding(rest.prefix { $0 != UInt8(ascii: ">") }) }
        while true {
            rest = rest.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
            if rest.starts(with: "<?".utf8) {
                rest = try skip(rest, past: "?>")
            } else if rest.starts(with: "<!--".utf8) {
                rest = try skip(rest.dropFirst(4), past: "-->")
            } else if rest.starts(with: "<!".utf8) {
                throw Refusal.malformed("with a document type")
            } else {
                return bytes.count - rest.count
            }
        }
    }

    private static func checkEncoding(_ declaration: Substring.UTF8View) throws {
        let words = Substring(declaration).lowercased()
        guard words.contains("encoding") else { return }
        guard words.contains("\"utf-8\"") || words.contains("'utf-8'") else { throw Refusal.malformed("not in UTF-8") }
    }

    private static func skip(_ text: Substring.UTF8View, past end: String) throws -> Substring.UTF8View {
        guard let found = Substring(text).utf8.firstRange(of: end.utf8) else {
            throw Refusal.malformed("in its prolog")
        }
        return text[found.upperBound...]
    }
}
