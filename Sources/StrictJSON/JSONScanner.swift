/// Walks over a text once; each function stands at the first byte of what it is named after, and ends behind it.
struct JSONScanner {
    private let text: ArraySlice<UInt8>
    private var position: Int

    init(_ text: ArraySlice<UInt8>) {
        self.text = text
        position = text.startIndex
    }

    private var next: UInt8? { position < text.endIndex ? text[position] : nil }

    mutating func document() throws(StrictJSON.Flaw) -> ArraySlice<UInt8> {
        let value = try value(depth: 0)
        if next != nil { throw flaw("something behind the end of the text") }
        return value
    }

    /// White space around it is skipped.
    ///
    /// - Returns: how it is written.
    private mutating func value(depth: Int) throws(StrictJSON.Flaw) -> ArraySlice<UInt8> {
        skipSpace()
        let start = position
        switch next ?? 0 {
        case UInt8(ascii: "{"): try object(depth: depth + 1)
        case UInt8(ascii: "["): try array(depth: depth + 1)
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        default: throw flaw("no value where one has to stand")
        }
        let value = text[start..<position]
        skipSpace()
        return value
    }

    mutating func object(
        depth: Int, _ visit: (String, ArraySlice<UInt8>) -> Void = { _, _ in }
    ) throws(StrictJSON.Flaw) {
        var names: Set<String> = []
        try list(until: "}", depth: depth) { (scanner) throws(StrictJSON.Flaw) in
            scanner.skipSpace()
            let start = scanner.position
            guard scanner.next == UInt8(ascii: "\"") else { throw scanner.flaw("no name where one has to stand") }
            let name = try scanner.string()
            guard names.insert(name).inserted else {
                throw StrictJSON.Flaw(what: "a name that stands twice", offset: start)
            }
            scanner.skipSpace()
            guard scanner.take(":") else { throw scanner.flaw("no colon behind a name") }
            visit(name, try scanner.value(depth: depth))
        }
    }

    mutating func array(
        depth: Int, _ visit: (ArraySlice<UInt8>) -> Void = { _ in }
    ) throws(StrictJSON.Flaw) {
        try list(until: "]", depth: depth) { (scanner) throws(StrictJSON.Flaw) in
            visit(try scanner.value(depth: depth))
        }
    }

    private mutating func list(
        until end: Unicode.Scalar, depth: Int, _ element: (inout Self) throws(StrictJSON.Flaw) -> Void
    ) throws(StrictJSON.Flaw) {
        guard depth <= StrictJSON.deepest else { throw flaw("more than \(StrictJSON.deepest) levels") }
        position += 1
        skipSpace()
        if take(end) { return }
        repeat { try element(&self) } while take(",")
        guard take(end) else { throw flaw("neither a comma nor an end") }
    }

    /// What stands between the quotes, its escapes resolved.
    mutating func string() throws(StrictJSON.Flaw) -> String {
        position += 1
        let start = position
        var isEscaped = false
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw flaw("a control character in a text") }
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                try escape()
            } else {
                position += 1
            }
        }
        let content = text[start..<position]
        guard take("\"") else { throw flaw("a text without an end") }
        return isEscaped ? JSONEscapes.resolved(content) : String(decoding: content, as: UTF8.self)
    }

    private mutating func escape() throws(StrictJSON.Flaw) {
        position += 1
        guard let letter = next, "\"\\/bfnrtu".utf8.contains(letter) else { throw flaw("an unknown escape") }
        position += 1
        guard letter == UInt8(ascii: "u") else { return }
        let unit = try codeUnit()
        if UTF16.isTrailSurrogate(unit) { throw flaw("half a character") }
        guard UTF16.isLeadSurrogate(unit) else { return }
        guard take("\\"), take("u"), UTF16.isTrailSurrogate(try codeUnit()) else { throw flaw("half a character") }
    }

    private mutating func codeUnit() throws(StrictJSON.Flaw) -> UInt16 {
        guard let unit = JSONEscapes.codeUnit(text[position...]) else { throw flaw("no four hexadecimal digits") }
        position += 4
        return unit
    }

    private mutating func number() throws(StrictJSON.Flaw) {
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
    }

    private mutating func digits() throws(StrictJSON.Flaw) {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        if position == start { throw flaw("no digit where one has to stand") }
    }

    private mutating func word(_ word: StaticString) throws(StrictJSON.Flaw) {
        for index in 0..<word.utf8CodeUnitCount {
            guard next == word.utf8Start[index] else { throw flaw("an unknown word") }
            position += 1
        }
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private func flaw(_ what: String) -> StrictJSON.Flaw { StrictJSON.Flaw(what: what, offset: position) }
}

/// Escapes that are known to be well formed: names are compared by what they mean.
private enum JSONEscapes {
    static func codeUnit(_ text: ArraySlice<UInt8>) -> UInt16? {
        let digits = text.prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
        return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    static func resolved(_ content: ArraySlice<UInt8>) -> String {
        var units: [UInt16] = []
        var rest = Substring(decoding: content, as: UTF8.self).utf16[...]
        let letters: [UInt16: UInt16] = [0x62: 8, 0x66: 12, 0x6E: 10, 0x72: 13, 0x74: 9]
        while let unit = rest.popFirst() {
            guard unit == 0x5C, let letter = rest.popFirst() else {
                units.append(unit)
                continue
            }
            guard letter == 0x75 else {
                units.append(letters[letter] ?? letter)
                continue
            }
            units.append(UInt16(String(decoding: rest.prefix(4), as: UTF16.self), radix: 16) ?? 0xFFFD)
            rest = rest.dropFirst(4)
        }
        return String(decoding: units, as: UTF16.self)
    }
}
