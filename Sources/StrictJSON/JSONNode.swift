/// A value of a text that ``StrictJSON/read(_:)`` has found to be well formed.
///
/// It is how the value is written, and nothing more: what is in it is looked for when somebody asks, one level at a time. So a text costs
/// no more than its bytes, however many values it has, and a value can be handed on as its writer wrote it.
package struct JSONNode: Sendable {
    /// Without the white space around it.
    package let text: ArraySlice<UInt8>

    package init(text: ArraySlice<UInt8>) { self.text = text }

    package var isNull: Bool { text.first == UInt8(ascii: "n") }
    package var isArray: Bool { text.first == UInt8(ascii: "[") }

    /// Nil for what is no text.
    package var string: String? {
        guard text.first == UInt8(ascii: "\"") else { return nil }
        var scanner = JSONScanner(text)
        return try? scanner.string()
    }

    /// Nil for what is neither true nor false.
    package var boolean: Bool? {
        switch text.first {
        case UInt8(ascii: "t"): true
        case UInt8(ascii: "f"): false
        default: nil
        }
    }

    /// Nil for what is no number, or a larger one than can be reckoned with.
    package var number: Double? {
        guard let first = text.first, first == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9") ~= first)
        else { return nil }
        return Double(String(decoding: text, as: UTF8.self)).flatMap { $0.isFinite ? $0 : nil }
    }

    /// Nil for what is no whole number, however it is written: `1.0` and `1e0` are one.
    package var integer: Int? { Int(String(decoding: text, as: UTF8.self)) ?? number.flatMap { Int(exactly: $0) } }

    /// In the order in which they stand; nil for what is no object.
    package var members: [(name: String, value: JSONNode)]? {
        guard text.first == UInt8(ascii: "{") else { return nil }
        var (scanner, members) = (JSONScanner(text), [(name: String, value: JSONNode)]())
        try? scanner.object(depth: 1) { members.append(($0, JSONNode(text: $1))) }
        return members
    }

    /// The first ones, so many at the most; nil for what is no array.
    package func elements(atMost limit: Int) -> [JSONNode]? {
        guard isArray else { return nil }
        var (scanner, elements) = (JSONScanner(text), [JSONNode]())
        try? scanner.array(depth: 1) { if elements.count < limit { elements.append(JSONNode(text: $0)) } }
        return elements
    }
}
