import DeliveryCheck
import Foundation
import Testing

@testable import Benchmarks

@Suite("Parts of the benchmarks")
struct PartsTests {
    @Test(
        "what a measured worker reports is read as it was written",
        arguments: [WorkerReport.ready, .began(UUID(), nanoseconds: .max), .handled(200_000)])
    func reports(report: WorkerReport) { #expect(WorkerReport(line: report.line) == report) }

    @Test(
        "half a line, or a foreign one, is no report of a measured worker",
        arguments: ["", "began", "began 12 34", "handled", "handled many", "Ready", "began \(UUID()) -1"])
    func foreignLines(line: String) { #expect(WorkerReport(line: line) == nil) }

    @Test(
        "the work of a benchmark is shared evenly among its tasks, and none is lost", arguments: [0, 1, 7, 1000],
        [1, 3, 4])
    func shares(count: Int, number: Int) throws {
        let shares = Workload.shares(of: count, among: number)
        #expect(shares.count == number && shares.reduce(0, +) == count)
        #expect(try #require(shares.max()) - #require(shares.min()) <= 1)
        #expect(Workload.shares(of: count, each: number).reduce(0, +) == count)
        #expect(Workload.shares(of: count, each: number).allSatisfy { (1...number).contains($0) })
    }

    @Test("the benchmarks' payload is 200 bytes of JSON")
    func payload() throws { #expect(try JSONEncoder().encode(Workload.payload).count == 200) }

    @Test("a connection string of either form becomes keywords that more can be added to")
    func keywords() throws {
        let keywords = try BareConnection.keywords(
            of: #"postgresql://ada:p%27w%5Cd@db.example:5433/shop?sslmode=disable"#)
        #expect(keywords.contains("host='db.example'") && keywords.contains("port='5433'"))
        #expect(keywords.contains(#"password='p\'w\\d'"#))
        #expect(try BareConnection.keywords(of: keywords) == keywords)
        #expect(throws: BenchmarkFailure.self) { try BareConnection.keywords(of: "neither=this nor that") }
    }
}

@Suite("The soak's report")
struct SoakReportTests {
    private func sample(_ at: Double) -> SoakSample {
        SoakSample(
            at: at, rate: 500, p50: 1, p99: 5, largest: 9, disk: 12, workers: 20, server: 60, segments: 5, depth: 0,
            isPinned: false)
    }

    private func outcome(_ samples: [SoakSample]) -> SoakOutcome {
        SoakOutcome(
            samples: samples, check: QueueCheck(attempted: [], acknowledged: [], handled: []),
            restarts: SoakPlan(seconds: 60).restarts)
    }

    @Test("the soak's report is one page that fetches nothing")
    func selfContained() {
        let page = SoakReport(SoakPlan(seconds: 60), outcome([sample(1), sample(2)]), at: "a <place>").html
        for word in ["http", "src=", "@import", "url("] { #expect(!page.contains(word)) }
        #expect(page.contains("prefers-color-scheme: dark") && page.contains("a &lt;place>"))
        #expect(page.components(separatedBy: "<svg").count == 5)
    }

    @Test("the soak's report is made of anything, also of nothing and of one sample", arguments: 0...1)
    func small(count: Int) {
        let page = SoakReport(SoakPlan(seconds: 60), outcome((0..<count).map { sample(Double($0)) }), at: "").html
        #expect(!page.contains("nan") && !page.contains("inf"))
        #expect(outcome([]).figures.allSatisfy { $0.value == 0 })
    }

    @Test("the end of a soak is held against its beginning")
    func figures() throws {
        let samples = (1...60).map { number in
            SoakSample(
                at: Double(number), rate: 500, p50: number > 40 ? 3 : 1, p99: 5, largest: 9, disk: 12, workers: 20,
                server: 60, segments: 5, depth: 0, isPinned: false)
        }
        let figure = try #require(outcome(samples).figures.first)
        #expect(figure.value == 3 && figure.floor == 1 && figure.ratio == 3)
    }

    @Test(
        "an axis of the soak's report ends at a round number",
        arguments: [(0.0, 1.0), (0.003, 0.005), (1, 1), (1.1, 2), (7, 10), (430, 500)])
    func axis(value: Double, end: Double) { #expect(abs(SoakChart.ceiling(value) - end) < 1e-9) }
}
