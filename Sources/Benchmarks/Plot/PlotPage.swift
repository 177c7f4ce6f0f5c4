/// Every diagram and every figure, as a page of Markdown.
struct PlotPage {
    let charts: [PlotChart]
    let records: [FigureRecord]

    var markdown: String {
        let intro = """
            # Every figure

            Drawn and written by `shoeshop bench plot`: change the measurement, not this page. What each figure measures:
            [Benchmarks](../Benchmarks.md).
            """
        return ([intro] + charts.map(Self.picture) + [table] + places).joined(separator: "\n\n") + "\n"
    }

    private static func picture(_ chart: PlotChart) -> String {
        "![\(chart.plot.title)](\(chart.plot.name).svg)"
    }

    private var table: String {
        let head = ["| figure | value | unit | floor | ratio | runs | spread |", "|---|--:|---|--:|--:|--:|--:|"]
        return (head + latest.map(Self.row)).joined(separator: "\n")
    }

    /// The last record of each name, in the order of the first.
    private var latest: [FigureRecord] {
        var places: [String: Int] = [:]
        return records.reduce(into: []) { kept, record in
            if let place = places[record.name] { return kept[place] = record }
            places[record.name] = kept.count
            kept.append(record)
        }
    }

    private static func row(_ record: FigureRecord) -> String {
        let cells = [
            record.name, Figure.text(record.value), record.unit, record.floor.map(Figure.text) ?? "",
            record.ratio.map(Figure.text) ?? "", "\(record.runs)",
            record.runs > 1 ? Figure.percent(record.spread) + " %" : "",
        ]
        return "| " + cells.joined(separator: " | ") + " |"
    }

    /// Each machine and server once.
    private var places: [String] {
        latest.reduce(into: []) { places, record in
            let place =
                "Measured on \(record.machine). Server: \(record.server.text.split(separator: "\n").joined(separator: ", "))."
            if !places.contains(place) { places.append(place) }
        }
    }
}
