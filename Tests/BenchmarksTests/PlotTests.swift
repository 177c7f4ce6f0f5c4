import Foundation
import Testing

@testable import Benchmarks

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite("Plots of figures")
struct PlotTests {
    private let facts = ServerFacts(version: "15.1", settings: ["storage": "tmpfs", "fsync": "on"])

    private func record(_ name: String, _ value: Double, floor: Double? = nil) -> FigureRecord {
        let figure = Figure.summaries(of: [[Reading(name, value, "messages/s", floor: floor)]])[0]
        return FigureRecord(figure, at: facts, on: "a <machine> & more")
    }

    private var everything: [FigureRecord] {
        Plot.all.flatMap(\.rows).enumerated().map { record($1.figure, Double($0 + 1) * 1234, floor: 5_678) }
    }

    /// The texts of a drawing, by their class; fails where the XML is not well formed.
    private func texts(of svg: String) throws -> [String: [String]] {
        let root = try #require(try XMLDocument(xmlString: svg).rootElement())
        let role = try root.nodes(forXPath: "@role").first?.stringValue
        #expect(root.name == "svg" && role == "img")
        #expect(root.children?.prefix(2).map(\.name) == ["title", "desc"])
        return try root.nodes(forXPath: "//*[local-name()='text' or local-name()='title' or local-name()='desc']")
            .reduce(into: [:]) { texts, node in
                let kind = try node.nodes(forXPath: "@class").first?.stringValue ?? node.name ?? ""
                texts[kind, default: []].append(node.stringValue ?? "")
            }
    }

    @Test("each plot is well-formed XML with a title and a description, fetches nothing, and knows light and dark")
    func wellFormed() throws {
        let drawings = PlotFolder(everything).files.filter { $0.name.hasSuffix(".svg") }
        #expect(drawings.count == Plot.all.count)
        for (_, svg) in drawings {
            let texts = try texts(of: svg)
            #expect(texts["desc"]?.first?.isEmpty == false && texts["title"]?.first?.isEmpty == false)
            #expect(svg.contains("prefers-color-scheme: dark"))
            for word in ["href", "@import", "url(", "nan", "inf\""] { #expect(!svg.contains(word)) }
        }
    }

    @Test("a plot shows each number, its share of the floor, the machine and the server, and tells all in words")
    func numbers() throws {
        let records = [record("send 1 per call", 16_600, floor: 38_605), record("send 100 per call", 241_700)]
        let chart = try #require(PlotChart(.send, of: records))
        let texts = try texts(of: PlotDrawing(chart: chart).svg)
        #expect(texts["value"] == ["16,600 (0.43 × the mark)", "241,700"])
        #expect(texts["name"] == ["1 a call, 4 tasks", "100 a call, 4 tasks"])
        #expect(texts["note"]?.last == "a <machine> & more; PostgreSQL 15.1, tmpfs")
        let words = try #require(texts["desc"]?.first)
        for number in ["16,600", "38,605", "241,700"] { #expect(words.contains(number)) }
    }

    @Test("a plot's bars are as long as their numbers, and marks stand where the floors are")
    func lengths() throws {
        let chart = try #require(
            PlotChart(.send, of: [record("send 1 per call", 250, floor: 500), record("send 100 per call", 1_000)]))
        let root = try #require(try XMLDocument(xmlString: PlotDrawing(chart: chart).svg).rootElement())
        func values(_ query: String) throws -> [Double] {
            try root.nodes(forXPath: query).compactMap { $0.stringValue.flatMap(Double.init) }
        }
        let widths = try values("//*[@class='bar']/@width")
        let left = try #require(try values("//*[@class='bar']/@x").first)
        let mark = try #require(try values("//*[@class='mark']/@x1").first)
        #expect(widths.count == 2 && widths[1] == 4 * widths[0])
        #expect(mark - left == 2 * widths[0])
    }

    @Test(
        "a plot's axis ends at a round number that is not far above the longest bar",
        arguments: [(0.0, 1.0), (0.57, 0.6), (1, 1), (1.1, 1.5), (284_000, 300_000), (334_000, 400_000), (9.7, 10)])
    func axis(value: Double, end: Double) { #expect(abs(PlotDrawing.ceiling(value) - end) < 1e-9) }

    @Test("a figure that should stay the same is plotted as a ratio, with its mark at 1")
    func ratios() throws {
        let records = [record("receive 1, large backlog", 222, floor: 200), record("drain, pinned", 7)]
        let chart = try #require(PlotChart(.same, of: records))
        #expect(chart.bars == [.init(label: "1,000,000 wait: receive 1", value: 1.11, mark: 1, text: "1.11 ×")])
    }

    @Test("of figures that were not measured nothing is plotted")
    func missing() {
        #expect(PlotChart(.send, of: [record("another", 1)]) == nil)
        #expect(PlotFolder([record("drain", 1)]).files.map(\.name) == ["drain.svg", "README.md"])
        #expect(PlotFolder([]).files.isEmpty)
    }

    @Test("of two measurements the later one counts, in plots and on the page of plots")
    func later() throws {
        let records = [record("drain", 111), record("send 1 per call", 7), record("drain", 222)]
        #expect(PlotChart(.drain, of: records)?.bars.map(\.value) == [222])
        let page = try #require(PlotFolder(records).files.last?.content)
        #expect(page.contains("| drain | 222 |") && !page.contains("111"))
        #expect(page.contains("| send 1 per call | 7 | messages/s |  |  | 1 |  |"))
    }

    @Test("figures that no benchmark measures are written down as well")
    func absurd() throws {
        for spread in [1e300, -1e300, 0.5] {
            let line = """
                {"name":"drain","value":1e300,"unit":"ms","floor":-1e300,"ratio":1e300,"runs":3,"spread":\(spread),
                 "server":{"version":"15","settings":{}},"machine":"a machine"}
                """
            let records = try FigureRecord.read(Data(line.replacing("\n", with: "").utf8))
            let page = try #require(PlotFolder(records).files.last?.content)
            #expect(page.contains(spread == 0.5 ? "| 3 | 50 % |" : "| 3 | ? % |"), "\(page)")
        }
    }

    @Test("records of figures are read as they were written, and a line that is none is named")
    func reading() throws {
        let lines = try everything.map { try $0.line() }
        #expect(try FigureRecord.read(Data(lines.joined(separator: "\n").utf8)) == everything)
        #expect(try FigureRecord.read(Data("\n\(lines[0])\n\n".utf8)) == [everything[0]])
        let error = #expect(throws: BenchmarkFailure.self) {
            try FigureRecord.read(Data("\(lines[0])\n{\"name\": 1}".utf8))
        }
        #expect(error?.description.hasPrefix("line 2 ") == true)
    }

    @Test("the figures of the documentation are drawn as they are, and no drawing is left from figures that are gone")
    func documentation() throws {
        var root = URL(filePath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let measured = root.appending(path: "Documentation/figures")
        let records = try FileManager.default.contentsOfDirectory(atPath: measured.path).sorted().flatMap { file in
            try FigureRecord.read(Data(contentsOf: measured.appending(path: file)))
        }
        let plots = root.appending(path: "Documentation/plots")
        let files = PlotFolder(records).files
        for (name, content) in files {
            #expect(try String(contentsOf: plots.appending(path: name), encoding: .utf8) == content, "\(name)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: plots.path).sorted() == files.map(\.name).sorted())
    }
}
