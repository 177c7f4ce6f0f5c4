import Terminal

/// Rows under titles, for people: as wide as needed, and never wider than 100 columns of a terminal, whatever script it is in.
struct Table: Equatable {
    enum Side { case left, right }

    struct Column: Equatable {
        let title: String
        let side: Side

        static func text(_ title: String) -> Column { Column(title: title, side: .left) }
        static func number(_ title: String) -> Column { Column(title: title, side: .right) }
    }

    static let width = 100
    private static let gap = 2

    let columns: [Column]
    var rows: [[String]]

    init(_ columns: [Column], rows: [[String]]) {
        self.columns = columns
        self.rows = rows
    }

    /// The title line and one line per row. What does not fit is cut in the widest text column, and ends in `…`.
    var lines: [String] {
        let cells = ([columns.map(\.title)] + rows).map { $0.map(\.visibleLine) }
        let widths = widths(of: cells)
        return cells.map { cells in
            let padded = zip(cells, zip(columns, widths)).map { cell, layout in
                Self.pad(cell, to: layout.1, layout.0.side)
            }
            let line = padded.joined(separator: String(repeating: " ", count: Self.gap))
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    private func widths(of cells: [[String]]) -> [Int] {
        var widths = columns.indices.map { index in cells.map { $0[index].displayWidth }.max() ?? 0 }
        func excess() -> Int { widths.reduce(Self.gap * (widths.count - 1), +) - Self.width }
        let texts = columns.indices.filter { columns[$0].side == .left }
        while excess() > 0, let widest = texts.max(by: { widths[$0] < widths[$1] }), widths[widest] > 1 {
            widths[widest] -= 1
        }
        return widths
    }

    private static func pad(_ text: String, to width: Int, _ side: Side) -> String {
        let cut = text.displayWidth > width ? text.prefix(columns: width - 1) + "…" : text[...]
        let padding = String(repeating: " ", count: width - String(cut).displayWidth)
        return side == .left ? cut + padding : padding + cut
    }
}
