/// A plot with its numbers: what is drawn.
struct PlotChart: Sendable, Equatable {
    struct Bar: Sendable, Equatable {
        let label: String
        let value: Double
        /// The floor, or the 1 of a ratio.
        let mark: Double?
        /// The numbers in words, right of the bar.
        let text: String
    }

    let plot: Plot
    let bars: [Bar]
    let unit: String
    /// Where and how often it was measured.
    let source: String

    /// - Parameter records: of any figures; those of other plots are left alone, and one that is missing has no bar.
    /// - Returns: nil when none of the plot's figures is among them.
    init?(_ plot: Plot, of records: [FigureRecord]) {
        let found = plot.rows.compactMap { row in
            records.last { $0.name == row.figure }.map { (label: row.label, record: $0) }
        }
        guard let first = found.first?.record else { return nil }
        self.plot = plot
        bars = found.compactMap { Self.bar($0.label, $0.record, plot.measure) }
        unit = plot.measure == .ratio ? "times" : first.unit
        let runs = found.map(\.record.runs).max() ?? 1
        source = "\(first.machine); \(first.server.name)\(runs > 1 ? "; medians of \(runs) runs" : "")"
        guard !bars.isEmpty else { return nil }
    }

    private static func bar(_ label: String, _ record: FigureRecord, _ measure: Plot.Measure) -> Bar? {
        switch measure {
        case .value:
            let ratio = record.ratio.map { " (\(Figure.text($0)) × the mark)" } ?? ""
            return Bar(
                label: label, value: record.value, mark: record.floor, text: Figure.text(record.value) + ratio)
        case .ratio:
            return record.ratio.map { Bar(label: label, value: $0, mark: 1, text: "\(Figure.text($0)) ×") }
        }
    }

    /// Everything that is seen, in words, for those who don't see it.
    var description: String {
        bars.map { bar in
            let mark = plot.measure == .value ? bar.mark.map { " (mark: \(Figure.text($0)))" } ?? "" : ""
            return "\(bar.label): \(bar.text)\(mark)"
        }.joined(separator: "; ") + ". In \(unit). \(plot.note)"
    }
}
