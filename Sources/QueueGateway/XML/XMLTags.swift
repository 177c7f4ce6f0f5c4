/// The length of each tag, which the parser reads to its end before anybody can stop it, and compares every attribute with all before it.
enum XMLTags {
    /// In bytes; those of clients have a name and perhaps a namespace.
    static let longest = 4096

    /// Reads over text, comments, instructions and sections of characters. What is not well-formed is left to the parser.
    ///
    /// - Parameter start: where the root begins.
    /// - Throws: ``Refusal`` for a tag that is longer.
    static func check(_ bytes: [UInt8], from start: Int) throws {
        var rest = bytes[start...]
        while let next = rest.firstIndex(of: UInt8(ascii: "<")) {
            rest = rest[next...]
            if let marks = marks.first(where: { rest.starts(with: $0.begin) }) {
                guard let end = rest.firstRange(of: marks.end) else { return }
                rest = rest[end.upperBound...]
            } else {
                rest = try skipTag(rest)
            }
        }
    }

    private static let marks = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")].map {
        (begin: Array($0.utf8), end: Array($1.utf8))
    }

    /// A value in quotes may hold what else would end the tag.
    private static func skipTag(_ rest: ArraySlice<UInt8>) throws -> ArraySlice<UInt8> {
        var quote: UInt8?
        for index in rest.indices.prefix(longest) {
            let byte = rest[index]
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: ">") {
                return rest[(index + 1)...]
            }
        }
        guard rest.count <= longest else { throw Refusal.malformed("a tag is longer than \(longest) bytes") }
        return []
    }
}
