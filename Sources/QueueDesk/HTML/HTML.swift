import XMLMarkup

/// HTML that is well formed by construction: text and attributes are escaped where they enter.
public struct HTML: Sendable, ExpressibleByStringLiteral {
    let source: String

    private init(source: String) { self.source = source }

    /// Text between tags.
    public static func text(_ text: String) -> HTML { HTML(source: Markup.escaped(text)) }
    public init(stringLiteral text: String) { source = Markup.escaped(text) }

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
            source = "<\(name)\(attributes)>\(content.map(\.source).joined())</\(name)>"
        }
    }

    /// Elements that have no end (HTML, section 13.1.2).
    private static let void: Set<String> = ["br", "hr", "img", "input", "link", "meta"]
}

extension HTML {
    static func link(_ text: String, to path: String) -> HTML { HTML("a", ["href": path], [.text(text)]) }

    /// A moment, in UTC to the millisecond.
    static func time(_ date: DateText?) -> HTML {
        guard let date else { return "–" }
        return HTML("time", ["datetime": date.exact], [.text(date.readable)])
    }

    static func field(_ label: String, _ control: HTML) -> HTML {
        HTML("label", [:], [HTML("span", [:], [.text(label)]), control])
    }

    static func input(_ name: String, _ value: String?, type: String = "text") -> HTML {
        HTML(
            "input",
            [
                "name": name, "type": type, "value": value.flatMap { $0.isEmpty ? nil : $0 },
                "step": type == "number" ? "any" : nil,
            ])
    }

    static func select(_ name: String, _ options: [String], chosen: String?, none: String) -> HTML {
        // A value of a blank: an empty one would stand for the text.
        let all = [HTML("option", ["value": " "], [.text(none)])]
        return HTML(
            "select", ["name": name],
            all + options.map { HTML("option", ["value": $0, "selected": $0 == chosen ? "" : nil], [.text($0)]) })
    }

    /// Rows under titles; scrolls sideways by itself where it has no room.
    static func table(_ caption: String, _ titles: [String], _ rows: [[HTML]], empty: String) -> HTML {
        if rows.isEmpty { return HTML("p", ["class": "empty"], [.text(empty)]) }
        let head = HTML("tr", [:], titles.map { HTML("th", ["scope": "col"], [.text($0)]) })
        let body = rows.map { cells in HTML("tr", [:], cells.map { HTML("td", [:], [$0]) }) }
        return HTML(
            "div", ["class": "scroll", "role": "region", "aria-label": caption, "tabindex": "0"],
            [
                HTML(
                    "table", [:],
                    [
                        HTML("caption", [:], [.text(caption)]), HTML("thead", [:], [head]),
                        HTML("tbody", [:], body),
                    ])
            ])
    }

    static func facts(_ facts: [(String, HTML?)]) -> HTML {
        HTML(
            "dl", [:],
            facts.flatMap { name, value in
                value.map { [HTML("dt", [:], [.text(name)]), HTML("dd", [:], [$0])] } ?? []
            })
    }

    /// What has become of something, as a word that also has a colour.
    static func badge(_ text: String) -> HTML {
        let kind =
            switch text {
            case "done": "good"
            case "dead", "dead letter", "expired": "bad"
            case "retried", "held", "held back", "paused": "warm"
            default: "plain"
            }
        return HTML("span", ["class": "badge \(kind)"], [.text(text)])
    }
}
