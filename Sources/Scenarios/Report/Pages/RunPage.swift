import Foundation

/// What the templates print of one run. Everything is stored: a template sees no computed properties.
struct RunPage: Sendable {
    struct Verdict: Sendable {
        /// Of a style.
        let name: String
        /// Of a table's row.
        let word: String
        /// Of a badge, and why.
        let text, reason: String
    }

    struct Named: Sendable {
        let name, value: String
        var alarming = false
    }

    struct FindingRow: Sendable {
        let expectation, mark, holds, found: String
        /// The orders that speak against it, in one line; none or one.
        let against: [String]
    }

    struct FaultRow: Sendable {
        let what, times, when: String
    }

    struct Violations: Sendable {
        static let mostUnfolded = 12
        let summary: String
        let violations: [String]
    }

    struct Trace: Sendable {
        let first, text: String
    }

    let title, kicker, teaches, story, command: String
    let verdict: Verdict
    let level: Int
    let showsFigures, showsCharts: Bool
    let figures: [Named]
    let hasExpectations: Bool
    let findings: [FindingRow]
    let isAudited, balances, hasViolations: Bool
    let violations: [String]
    /// Those that would push all else off the screen; none or one.
    let moreViolations: [Violations]
    let charts: [ChartFigure]
    let absent: [String]
    let hasFaults: Bool
    let faults: [FaultRow]
    let hasTraces: Bool
    let traces: [Trace]
    let hasTimes: Bool
    let tableSummary: String
    let columns: [String]
    let rows: [NumbersTable.Row]
    let facts: [Named]

    /// - Parameters:
    ///   - id: begins the names of its charts, which are unique on a page.
    ///   - level: of its headings.
    ///   - comparing: the figures, charts and faults stand elsewhere on the page, beside those of the other shop.
    init(_ record: RunRecord, id: String = "run", level: Int = 2, comparing: Bool = false) {
        let curves = RunCurves(record)
        let drawn = RunCharts(curves, page: id)
        let numbers = NumbersTable(curves)
        title = record.scenario
        kicker = "Failure scenario · \(record.shop.rawValue) shop"
        teaches = record.teaches
        story = record.story
        command = record.command
        verdict = Verdict(record)
        self.level = level
        showsFigures = !comparing
        showsCharts = !comparing
        figures = Named.figures(of: record)
        hasExpectations = !record.expectations.isEmpty
        findings = record.expectations.map(FindingRow.init)
        isAudited = record.isJudged
        hasViolations = !record.violations.isEmpty
        balances = record.isJudged && record.violations.isEmpty
        let told = Violations.told(record.violations)
        violations = Array(told.prefix(Violations.mostUnfolded))
        moreViolations = Violations.folded(told)
        charts = drawn.charts.map(ChartFigure.init)
        absent = drawn.absent.isEmpty ? [] : ["Nothing to draw of: \(drawn.absent.joined(separator: ", "))."]
        hasFaults = !comparing && !record.windows.isEmpty
        faults = FaultRow.rows(of: record)
        hasTraces = !record.traces.isEmpty
        traces = record.traces.map(Trace.init)
        hasTimes = !numbers.rows.isEmpty
        tableSummary = "\(numbers.rows.count) moments from the first order to the end"
        columns = NumbersTable.columns
        rows = numbers.rows
        facts = Named.facts(of: record)
    }
}

/// A chart with what stands around it as text.
struct ChartFigure: Sendable {
    struct Entry: Sendable {
        let name, value, swatch: String
        let colour: Int
    }

    let title, note, svg: String
    let legend: [Entry]

    init(_ chart: Chart) {
        title = chart.title
        note = "\(chart.note); \(chart.summary.rawValue):"
        svg = chart.svg
        legend = chart.curves.map { curve in
            Entry(
                name: curve.name, value: chart.legend(of: curve),
                swatch: curve.style == .line ? "M1 5L25 5" : "M10 2L16 8M10 8L16 2", colour: curve.colour)
        }
    }
}
