import Foundation
import Testing
import XMLMarkup

@testable import Scenarios

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite("reports of scenario runs")
struct ReportTests {
    /// Breaks out of text, out of attributes and out of scripts where it is not escaped.
    private static let hostile = #"</script><b title="x" onload='y'>&amp; "\#u{301}onload=z \#u{1b}[31m"#

    @Test("every report of a run is a well-formed page whose names are unique, and that asks for nothing")
    func pages() throws {
        let failed = MadeUpRun.record(expectations: [MadeUpRun.finding(false)], violations: ["money: 2 charges"])
        let reports = [
            ScenarioReport(MadeUpRun.record()), ScenarioReport(failed), ScenarioReport([MadeUpRun.record(), failed]),
            ScenarioReport(Comparison(coupled: MadeUpRun.record(shop: .coupled), decoupled: MadeUpRun.record())),
        ]
        for report in reports {
            let page = try Page(report.html())
            #expect(Set(page.ids).count == page.ids.count)
            #expect(page.targets.allSatisfy { $0.hasPrefix("#") || $0 == "data:," }, "\(page.targets)")
            #expect(page.count(of: "svg.chart") > 0 && page.count(of: "svg.chart") == page.count(of: "desc"))
        }
    }

    @Test("a run's report tells verdict, reasons, figures, faults and how to run it again")
    func content() throws {
        let orders = (0..<10).map { "order-\($0)" }
        let record = MadeUpRun.record(
            expectations: [MadeUpRun.finding(true), MadeUpRun.finding(false, orders: orders)],
            violations: ["stock: 3 reserved for nothing"], traces: ["order-3\n  0.4 s charged"])
        let text = try Page(ScenarioReport(record).html()).text
        for part in [
            "✗ Failed", "1 of 2 expectations not met; 1 violation.", record.teaches, record.story, record.command,
            record.machine, "order-7 and 2 more", "stock: 3 reserved for nothing", "0.4 s charged", "logistics: outage",
            "15 s to 35 s", "at 20 s, at 23 s, at 26 s", "1,196", "3.9 s", "2025-06-15 15:06:40 UTC",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(!text.contains("they balance"))
    }

    @Test("in a report the same violation is told once, with how often, and many are folded")
    func violations() throws {
        let many = (0..<40).map { "books \($0 % 20)" }
        let page = try Page(ScenarioReport(MadeUpRun.record(violations: many)).html())
        #expect(page.text.contains("books 19 (2 times)") && page.text.contains("8 more"))
        #expect(page.text.components(separatedBy: "books 19").count == 2)
        #expect(page.text.contains("40 violations."))
    }

    @Test("no report says of a shop whose books are not audited that it passed, or that they balance")
    func notJudged() throws {
        let record = MadeUpRun.record(shop: .coupled, expectations: [])
        for report in [ScenarioReport(record), ScenarioReport([record, record])] {
            let text = try Page(report.html()).text
            #expect(text.contains("Not judged") && text.contains("Not audited"))
            #expect(!text.contains("Passed") && !text.contains("they balance") && !text.contains("passed"))
        }
        let failed = MadeUpRun.record(shop: .coupled, expectations: [], violations: ["an order has no id"])
        #expect(try Page(ScenarioReport(failed).html()).text.contains("✗ Failed"))
    }

    @Test("whatever the record of a run holds stays text in its report")
    func escaping() throws {
        let hostile = Self.hostile
        let shown = hostile.replacing("\u{1b}", with: "\u{FFFD}")
        let finding = Finding(expectation: hostile, holds: false, found: hostile, orders: [hostile])
        let record = MadeUpRun.record(
            windows: [FaultWindow(what: hostile, from: 1, to: 2)], expectations: [finding], violations: [hostile],
            traces: [hostile])
        let page = try Page(ScenarioReport(record).html())
        let plain = try Page(ScenarioReport(MadeUpRun.record()).html())
        #expect(page.count(of: "script") == 1 && page.count(of: "b") == plain.count(of: "b"))
        #expect(!page.attributes.contains("onload"))
        #expect(page.text.components(separatedBy: shown).count > 6)
    }

    @Test("text of a report is escaped scalar by scalar, and what XML cannot hold is replaced")
    func markup() {
        #expect(Markup.escaped("a<b> & \"c\" 'd'") == "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;")
        #expect(Markup.escaped("\"\u{301}").unicodeScalars.elementsEqual("&quot;\u{301}".unicodeScalars))
        #expect(Markup.escaped("\u{0}\u{1b}\u{FFFE}\t\n🥾") == "\u{FFFD}\u{FFFD}\u{FFFD}\t\n🥾")
    }

    @Test("a run of which nothing is known, and one whose numbers are absurd, are reported too")
    func extremes() throws {
        let made = MadeUpRun.record()
        let call = CustomerCall(due: 0, latency: 1e300, end: .accepted, requests: 1)
        let samples = [0.0, 1, 1e9].map { at in
            Sample(
                at: at, accepted: .max, failed: 0, delivered: .max, retried: 0,
                queues: ["orders": .init(depth: .max, inFlight: 0, notDue: 0, dead: 0)])
        }
        for (samples, calls, charts) in [([], [], 0), (samples, [call], 3), (Array(samples.prefix(1)), [], 2)] {
            let record = RunRecord(
                scenario: "", teaches: "", story: "", shop: .decoupled, seed: .max, speed: 0.5,
                startedAt: made.startedAt, machine: "", command: "", windows: [], samples: samples, calls: calls,
                submittedAt: 0, drainedAt: 0, expectations: [], violations: [], traces: [], outcome: made.outcome)
            let page = try Page(ScenarioReport(record).html())
            #expect(page.text.contains("✓ Passed"))
            #expect(page.count(of: "svg.chart") == charts)
        }
        #expect(try Page(ScenarioReport([]).html()).text.contains("Nothing played"))
    }

    @Test("a report tells of many failed runs the first in full, and the others in the table")
    func manyFailures() throws {
        let records = (0..<25).map { index in
            MadeUpRun.record(violations: index % 2 == 0 ? ["books \(index)"] : [], seed: UInt64(index))
        }
        let page = try Page(ScenarioReport(records).html())
        #expect(page.ids.filter { $0.hasPrefix("run-") && !$0.dropFirst(4).contains("-") }.count == 10)
        #expect(page.targets.filter { $0.hasPrefix("#") }.count == 10)
        #expect(page.text.contains("The first 10 of 13 failed runs follow in full."))
        #expect(page.text.contains("13 of 25 runs broke a promise.") && page.text.contains("books 24"))
    }
}

/// What a parser of XML finds in a page.
private final class Page: NSObject, XMLParserDelegate {
    private(set) var ids: [String] = []
    private(set) var targets: [String] = []
    /// Without styles and scripts.
    private(set) var text = ""
    private(set) var attributes: Set<String> = []
    private var elements: [String: Int] = [:]
    private var element = ""

    /// - Throws: the parser's complaint about a page that is not well formed.
    init(_ html: String) throws {
        super.init()
        let parser = XMLParser(data: Data(html.utf8))
        parser.delegate = self
        guard parser.parse() else { throw parser.parserError ?? CocoaError(.propertyListReadCorrupt) }
    }

    func count(of element: String) -> Int { elements[element] ?? 0 }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes found: [String: String]
    ) {
        element = name
        elements[found["class"] == "chart" ? "\(name).chart" : name, default: 0] += 1
        attributes.formUnion(found.keys)
        ids += found["id"].map { [$0] } ?? []
        targets += [found["href"], found["src"]].compactMap(\.self)
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        if element != "style", element != "script" { text += string }
    }
}
