/// An element of a document that is answered.
struct XMLElement: Sendable, Equatable {
    private enum Content: Sendable, Equatable { case text(String), elements([XMLElement]) }

    private let name: String
    private let content: Content

    init(_ name: String, _ text: String) {
        self.name = name
        content = .text(text)
    }

    init(_ name: String, _ number: some BinaryInteger) { self.init(name, "\(number)") }

    /// - Parameter elements: nil stands for one that is left out: an empty element in a list breaks clients.
    init(_ name: String, _ elements: [XMLElement?]) {
        self.name = name
        content = .elements(elements.compactMap(\.self))
    }

    /// As a document, without prefixes, which clients don't look behind.
    func document(in namespace: String) -> [UInt8] {
        var text = Array((#"<?xml version="1.0" encoding="UTF-8"?>"# + "\n<\(name) xmlns=\"\(namespace)\">").utf8)
        writeContent(to: &text)
        text += "</\(name)>".utf8
        return text
    }

    private func write(to text: inout [UInt8]) {
        text += "<\(name)>".utf8
        writeContent(to: &text)
        text += "</\(name)>".utf8
    }

    private func writeContent(to text: inout [UInt8]) {
        switch content {
        case .text(let own): own.writeEscaped(to: &text)
        case .elements(let elements): for element in elements { element.write(to: &text) }
        }
    }
}

extension String {
    /// Byte by byte: what a reader takes for a character of its own may be part of a longer one here, such as a `<` with an accent.
    /// A carriage return would be read as the end of a line. Instead of what can stand in no document there is U+FFFD: a reader would
    /// refuse all of it.
    fileprivate func writeEscaped(to text: inout [UInt8]) {
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "&"): text += "&amp;".utf8
            case UInt8(ascii: "<"): text += "&lt;".utf8
            case UInt8(ascii: ">"): text += "&gt;".utf8
            case 0x0D: text += "&#13;".utf8
            case 0x09, 0x0A: text.append(byte)
            case ..<0x20: text += "\u{FFFD}".utf8
            // U+FFFE and U+FFFF are EF BF BE and EF BF BF, and U+FFFD is EF BF BD; no other character begins with these two.
            case 0xBE, 0xBF: text.append(text.ends(in: 0xEF, 0xBF) ? 0xBD : byte)
            default: text.append(byte)
            }
        }
    }

    /// Whether it can stand in an XML document (production Char of XML 1.0).
    var canStandInXML: Bool {
        unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0x09, 0x0A, 0x0D, 0x20...0xFFFD, 0x10000...0x10FFFF: true
            default: false
            }
        }
    }
}

extension [UInt8] {
    fileprivate func ends(in one: UInt8, _ other: UInt8) -> Bool {
        count > 1 && self[count - 2] == one && self[count - 1] == other
    }
}
