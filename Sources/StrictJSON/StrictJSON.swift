/// Whether bytes are one JSON text that every parser reads alike (RFC 8259; by its section 4 the names of an object should be
/// unique).
///
/// Decoders take more than that: a comma behind the last element, or a name that stands twice, of which one parser takes the
/// first value and another one the last. What is stored must be what the customer's program meant, so such a text is refused.
package enum StrictJSON {
    /// What is wrong, and where.
    package struct Flaw: Error, Equatable, CustomStringConvertible {
        package let what: String
        /// In bytes from the beginning.
        package let offset: Int
        package var description: String { "\(what) at byte \(offset)" }
    }

    /// Deeper texts are refused before they cost a stack.
    package static let deepest = 32

    /// - Throws: the first ``Flaw``.
    package static func check(_ text: [UInt8]) throws(Flaw) {
        _ = try read(text)
    }

    /// The value that a text is.
    ///
    /// - Throws: the first ``Flaw``, wherever it is.
    package static func read(_ text: [UInt8]) throws(Flaw) -> JSONNode {
        guard String(validating: text, as: UTF8.self) != nil else {
            throw Flaw(what: "bytes that are no UTF-8", offset: 0)
        }
        var scanner = JSONScanner(text[...])
        return JSONNode(text: try scanner.document())
    }
}
