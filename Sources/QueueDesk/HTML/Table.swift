extension HTML {
    /// Rows under titles; scrolls sideways by itself where it has no room, and on a phone each row is a card.
    ///
    /// - Parameters:
    ///   - caption: what the rows are.
    ///   - titles: of the columns; one that begins with `#` is of numbers.
    ///   - rows: their cells.
    ///   - empty: what is said instead when there are none.
    public static func table(_ caption: String, _ titles: [String], _ rows: [[HTML]], empty: String) -> HTML {
        if rows.isEmpty { return HTML("p", ["class": "empty"], [.text(empty)]) }
        let columns = titles.map { Column($0) }
        let head = HTML(
            "tr", [:], columns.map(\.head))
        let body = rows.map { cells in
            HTML(
                "tr", [:],
                zip(columns, cells).map { column, cell in
                    HTML("td", ["data-label": column.title.isEmpty ? nil : column.title, "class": column.kind], [cell])
                })
        }
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

    /// Names with what they are; those with nothing are left out.
    public static func facts(_ facts: [(String, HTML?)]) -> HTML {
        HTML(
            "dl", [:],
            facts.flatMap { name, value in
                value.map { [HTML("dt", [:], [.text(name)]), HTML("dd", [:], [$0])] } ?? []
            })
    }

    private struct Column {
        let title: String
        let kind: String?

        init(_ text: String) {
            let isNumber = text.hasPrefix("#")
            title = isNumber ? String(text.dropFirst()) : text
            kind = isNumber ? "number" : nil
        }

        /// A column without a title heads nothing.
        var head: HTML {
            title.isEmpty ? HTML("td", [:]) : HTML("th", ["scope": "col", "class": kind], [.text(title)])
        }
    }
}
