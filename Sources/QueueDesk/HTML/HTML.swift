public import Foundation
import XMLMarkup

/// HTML that is well formed by construction: text and attributes are escaped where they enter.
public struct HTML: Sendable, ExpressibleByStringLiteral {
    let source: String

    private init(source: String) { self.source = source }

    /// Text between tags.
    public static func text(_ text: String) -> HTML { HTML(source: Markup.escaped(text)) }
    public init(stringLiteral text: String) { source = Markup.escaped(text) }

    /// Several pieces, one after the other.
    public init(_ pieces: [HTML]) { source = pieces.map(\.source).joined() }

    /// An element; attributes whose value is nil are left out, and those whose value is empty stand for themselves.
    ///
    /// - Precondition: names of elements and attributes are the program's own: they are not escaped.
    public init(_ name: String, _ attributes: KeyValuePairs<String, String?> = [:], _ content: [HTML] = []) {
        let attributes = attributes.compactMap { name, value in
            value.map { $0.isEmpty ? " \(name)" : " \(name)=\"\(Markup.escaped($0))\"" }
        }.joined()
        if Self.void.contains(name) {
            source = "<\(name)\(attributes)>"
        } else {
            // Of the first line break in a text area or preformatted text a browser takes none for content.
            let start = Self.verbatim.contains(name) ? "\n" : ""
            source = "<\(name)\(attributes)>\(start)\(content.map(\.source).joined())</\(name)>"
        }
    }

    /// Elements that have no end (HTML, section 13.1.2).
    private static let void: Set<String> = ["br", "hr", "img", "input", "link", "meta"]
    private static let verbatim: Set<String> = ["pre", "textarea"]
}

extension HTML {
    /// A link.
    public static func link(_ text: String, to path: String) -> HTML { HTML("a", ["href": path], [.text(text)]) }

    /// A paragraph.
    public static func paragraph(_ content: HTML...) -> HTML { HTML("p", [:], content) }

    /// A heading within the page.
    public static func heading(_ text: String) -> HTML { HTML("h2", [:], [.text(text)]) }

    /// A moment, in UTC to the millisecond.
    public static func moment(_ date: Date) -> HTML { time(DateText(date)) }

    /// A length of time, in its two largest units.
    public static func span(_ seconds: Double) -> HTML { .text(SpanText(seconds: seconds).text) }

    static func time(_ date: DateText?) -> HTML {
        guard let date else { return "–" }
        return HTML("time", ["datetime": date.exact], [.text(date.readable)])
    }

    /// What has become of something, as a word that also has a colour.
    public static func badge(_ text: String) -> HTML {
        let kind =
            switch text {
            case "done", "dispatched", "ok", "ended": "good"
            case "dead", "dead letter", "expired", "rejected", "broken off", "failing", "away": "bad"
            case "retried", "held", "held back", "paused", "purged", "cancelled", "under way": "warm"
            default: "plain"
            }
        return HTML("span", ["class": "badge \(kind)"], [.text(text)])
    }

    /// What somebody has to know first.
    public static func alert(_ text: String) -> HTML {
        HTML("p", ["class": "attention", "role": "alert"], [.text(text)])
    }
}
