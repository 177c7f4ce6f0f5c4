/// What the template prints of both shops under the same load and faults.
struct ComparisonPage: Sendable {
    struct Shop: Sendable {
        let shop: String
        let run: RunPage
    }

    struct Row: Sendable {
        let name: String
        let values: [RunPage.Named]
    }

    struct Group: Sendable {
        let charts: [ChartFigure]
    }

    struct Faults: Sendable {
        let faults: [RunPage.FaultRow]
    }

    let title, kicker, teaches, story: String
    let shops: [Shop]
    let outcome: [Row]
    let charts: [ChartFigure]
    /// Of what only one of them has; none or one.
    let single: [Group]
    let sharedFaults: [Faults]

    init(_ comparison: Comparison) {
        let records = [comparison.coupled, comparison.decoupled]
        let told = comparison.decoupled
        title = told.scenario
        kicker = "Failure scenario · coupled and decoupled shop"
        teaches = told.teaches
        story = told.story
        shops = records.map { record in
            Shop(
                shop: Self.name(record.shop),
                run: RunPage(record, id: record.shop.rawValue, level: 3, comparing: true))
        }
        outcome = zip(RunPage.Named.figures(of: comparison.coupled), RunPage.Named.figures(of: comparison.decoupled))
            .map { Row(name: $0.name, values: [$0, $1]) }
        let drawn = Self.pairs(records)
        charts = drawn.filter { $0.count > 1 }.joined().map(ChartFigure.init)
        let others = drawn.filter { $0.count == 1 }.joined().map(ChartFigure.init)
        single = others.isEmpty ? [] : [Group(charts: others)]
        sharedFaults = told.windows.isEmpty ? [] : [Faults(faults: RunPage.FaultRow.rows(of: told))]
    }

    private static func name(_ shop: RunRecord.Shop) -> String {
        switch shop {
        case .coupled: "Coupled shop"
        case .decoupled: "Decoupled shop"
        }
    }

    /// The charts of one shop beside those of the other, over the same time and up to the same height.
    private static func pairs(_ records: [RunRecord]) -> [[Chart]] {
        let curves = records.map(RunCurves.init)
        let extents = curves.map(\.extent)
        let extent = (extents.map(\.lowerBound).min() ?? 0)...(extents.map(\.upperBound).max() ?? 1)
        let charts = curves.map { RunCharts($0, page: $0.record.shop.rawValue, extent: extent).charts }
        let titles = charts.joined().map(\.title).reduce(into: [String]()) { titles, title in
            if !titles.contains(title) { titles.append(title) }
        }
        return titles.map { title in
            let pair = zip(records, charts).compactMap { record, charts in
                charts.first { $0.title == title }.map { ($0, record.shop) }
            }
            return pair.map { chart, shop in chart.beside(pair.map(\.0), named: "\(name(shop)): \(title)") }
        }
    }
}

extension Chart {
    /// The same under another title, with an axis that holds its neighbours' curves too.
    func beside(_ charts: [Chart], named title: String) -> Chart {
        Chart(
            id: id, title: title, note: note, axis: axis, summary: summary, curves: curves, extent: extent,
            annotations: annotations, neighbours: charts.filter { $0.id != id }.flatMap(\.curves))
    }
}
