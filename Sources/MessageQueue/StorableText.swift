extension String {
    /// Without NULs, which no text of the server may hold, and with so many bytes of UTF-8 at most: cut between two
    /// characters, with three dots at the end.
    func storable(upTo limit: Int) -> String {
        let isTooLong = utf8.count > limit
        guard isTooLong || utf8.contains(0) else { return self }
        // However long the rest is, nobody looks at it.
        let text = UnicodeScalarView(unicodeScalars.prefix(limit).filter { $0 != "\0" })
        return isTooLong ? Self.cut(text, to: limit - Self.dots.utf8.count) + Self.dots : Self(text)
    }

    private static let dots = "..."

    private static func cut(_ text: UnicodeScalarView, to limit: Int) -> String {
        var length = 0
        let fitting = text.prefix { scalar in
            length += UTF8.width(scalar)
            return length <= limit
        }
        return String(fitting)
    }

    /// In ASCII, which every encoding of a database has; other characters as `\u{...}`.
    var inASCII: String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            text += scalar.isASCII ? String(scalar) : scalar.escaped(asASCII: true)
        }
    }
}
