/// XML that is well formed by construction: text and attributes are escaped where they enter.
package struct Markup: Sendable, Equatable {
    package let source: String

    private init(source: String) { self.source = source }

    /// Text between tags.
    package init(text: String) { source = Self.escaped(text) }

    package init(_ element: String, _ attributes: KeyValuePairs<String, String> = [:], _ content: [Markup] = []) {
        let attributes = attributes.map { #" \#($0)="\#(Self.escaped($1))""# }.joined()
        let content = content.map(\.source).joined()
        source = content.isEmpty ? "<\(element)\(attributes)/>" : "<\(element)\(attributes)>\(content)</\(element)>"
    }

    package static func lines(_ parts: [Markup]) -> Markup {
        Markup(source: parts.map(\.source).joined(separator: "\n"))
    }

    /// For text and for quoted attributes, of HTML as of XML.
    ///
    /// Goes by scalars: a quote that a combining accent follows is one `Character`, and would slip through. What XML
    /// cannot hold at all, such as the escape of a terminal's colours, becomes U+FFFD.
    package static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result.append(contentsOf: "&amp;".unicodeScalars)
            case "<": result.append(contentsOf: "&lt;".unicodeScalars)
            case ">": result.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
            case "'": result.append(contentsOf: "&#39;".unicodeScalars)
            case "\t", "\n", "\r", " "..."\u{FFFD}", "\u{10000}"..."\u{10FFFF}": result.append(scalar)
            default: result.append("\u{FFFD}")
            }
        }
        return String(result)
    }
}
