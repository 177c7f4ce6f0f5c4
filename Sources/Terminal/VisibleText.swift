/// Texts from elsewhere as a terminal may be given them: what would steer it, or hide or reorder what stands there, is shown
/// as an escape instead, such as `\u{1b}`.
///
/// Meant for eyes: a backslash that was there already looks the same.
extension String {
    /// All of it in one line: line breaks and tabs are `\n`, `\r` and `\t`.
    package var visibleLine: String {
        isPlainASCII(but: nil) ? self : map { $0.visible(keepingLineBreaks: false) }.joined()
    }

    /// As it is laid out: line feeds stay.
    package var visibleLines: String {
        isPlainASCII(but: UInt8(ascii: "\n")) ? self : map { $0.visible(keepingLineBreaks: true) }.joined()
    }

    /// Most texts are, and need no look at each of their characters.
    private func isPlainASCII(but exception: UInt8?) -> Bool {
        utf8.allSatisfy { (0x20..<0x7F).contains($0) || $0 == exception }
    }
}

extension Character {
    /// What is seen of it has to be all that is in it.
    fileprivate func visible(keepingLineBreaks: Bool) -> String {
        if self == "\n", keepingLineBreaks { return "\n" }
        guard let first = unicodeScalars.first else { return "" }
        return unicodeScalars.map { $0.isVisible || $0.shapes(first) ? String($0) : $0.escape }.joined()
    }
}

extension Unicode.Scalar {
    /// Neither steers, nor is it invisible, nor does it turn the direction of what follows.
    fileprivate var isVisible: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: false
        case .spaceSeparator: self == " " || self == "\u{A0}" || self == "\u{3000}"
        default: !properties.isDefaultIgnorableCodePoint
        }
    }

    /// Whether it is a mark that only says how the character it belongs to looks: that one variant is meant, or, of pictures,
    /// that several make one.
    fileprivate func shapes(_ first: Unicode.Scalar) -> Bool {
        if self == first || first.isASCII { return false }
        if (0xFE00...0xFE0F).contains(value) { return true }
        return first.properties.isEmoji && (value == 0x200D || (0xE0020...0xE007F).contains(value))
    }

    fileprivate var escape: String {
        switch self {
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default: "\\u{\(String(value, radix: 16))}"
        }
    }
}
