import StrictJSON

/// JSON with lines and indents: each token is as it was sent, and where it was. Names keep their order, and numbers their digits.
struct IndentedJSON {
    let text: String

    /// Nil for what is no JSON, or not of the kind that every parser reads alike, see ``StrictJSON``.
    init?(_ bytes: [UInt8]) {
        guard (try? StrictJSON.check(bytes)) != nil else { return nil }
        var lines = Lines()
        for byte in bytes { lines.take(byte) }
        text = String(decoding: lines.written, as: UTF8.self)
    }

    /// Takes well-formed JSON, byte by byte; white space between tokens is made anew.
    private struct Lines {
        private(set) var written: [UInt8] = []
        private var depth = 0
        /// A bracket was opened, and nothing stands in it yet.
        private var isOpen = false
        private var isInText = false
        private var isEscaped = false

        mutating func take(_ byte: UInt8) {
            if isInText { return takeText(byte) }
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): break
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if !isOpen { breakLine() }
                isOpen = false
                written.append(byte)
            default:
                if isOpen { breakLine() }
                isOpen = false
                written.append(byte)
                goOn(after: byte)
            }
        }

        private mutating func goOn(after byte: UInt8) {
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                isOpen = true
            case UInt8(ascii: ","): breakLine()
            case UInt8(ascii: ":"): written.append(UInt8(ascii: " "))
            case UInt8(ascii: "\""): isInText = true
            default: break
            }
        }

        private mutating func takeText(_ byte: UInt8) {
            written.append(byte)
            if byte == UInt8(ascii: "\""), !isEscaped { isInText = false }
            isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        }

        private mutating func breakLine() {
            written.append(UInt8(ascii: "\n"))
            written += repeatElement(UInt8(ascii: " "), count: 2 * depth)
        }
    }
}
