import Testing

@testable import Scenarios

@Suite("charts of a report")
struct ChartTests {
    @Test(
        "a chart's axis ends at a round number that no value is above, and things have no halves",
        arguments: [
            (3.0, true, [0.0, 1, 2, 3]), (1, true, [0, 1]), (0, true, [0, 1]), (1197, true, [0, 500, 1000, 1500]),
            (0.34, false, [0, 0.1, 0.2, 0.3, 0.4]), (80, false, [0, 20, 40, 60, 80]), (.nan, false, [0, 0.5, 1]),
            (.infinity, true, [0, 1]),
        ])
    func counting(highest: Double, whole: Bool, ticks: [Double]) {
        let scale = Scale.counting(to: highest, whole: whole)
        #expect(scale.ticks == ticks)
        #expect(scale.range == 0...(ticks.last ?? 0))
    }

    @Test("a chart of latencies stands on whole decades; none at all does no harm")
    func decades() {
        let scale = Scale.decades(around: [0.012, 4.2, 0, .nan])
        #expect(scale.ticks.map { Numerals.span($0) } == ["10 ms", "100 ms", "1 s", "10 s"])
        #expect(abs(scale.share(of: 0.1) - 1.0 / 3) < 1e-9)
        #expect(scale.share(of: 0) == 0 && scale.share(of: 1e9) == 1)
        #expect(Scale.decades(around: []).ticks.count > 1)
        #expect(Scale.decades(around: [1]).range.contains(1))
    }

    @Test("a chart's time axis has the ticks of a clock, all within its span")
    func time() {
        #expect(Scale.time(0...64, atMost: 8).ticks == [0, 10, 20, 30, 40, 50, 60])
        #expect(Scale.time(-3...200, atMost: 8).ticks == [0, 30, 60, 90, 120, 150, 180])
        #expect(Scale.time(0...0.3, atMost: 4).ticks == [0, 0.1, 0.2, 0.3])
        #expect(Scale.time(0...64, atMost: 8).ticks.first?.sign == .plus, "an axis begins at 0 s, not at -0 s")
        #expect(Scale.time(5...5, atMost: 8).range == 5...6)
        for length in [0.7, 9, 61, 3601, 86_400, 1e7] {
            let ticks = Scale.time(0...length, atMost: 8).ticks
            #expect(
                (2...9).contains(ticks.count) && ticks.allSatisfy { (0...length).contains($0) }, "\(length): \(ticks)")
        }
    }

    @Test("a gap divides a chart's line, and a value between two gaps is a dot")
    func gaps() {
        let points = [1.0, 2, nil, 3, nil, 4, 5].enumerated().map { Curve.Point(at: Double($0), value: $1) }
        let curve = Curve("delivered", colour: 1, points)
        #expect(curve.segments.map { $0.compactMap(\.value) } == [[1, 2], [3], [4, 5]])
        let svg = chart([curve]).svg
        #expect(svg.contains(#"d="M54 156.7L149.3 127.3 M530.7 68.7L626 39.3""#), "\(svg)")
        #expect(svg.split(separator: "<circle").count == 2)
        #expect(svg.contains(#"data-values="1 2 - 3 - 4 5""#))
    }

    @Test("a line that is drawn with fewer points keeps the ends, the peak of a moment, and every gap")
    func thinning() {
        let values = (0..<10_000).map { index -> Double? in
            (4000..<4100).contains(index) ? nil : index == 7777 ? 999 : Double(index % 10)
        }
        let curve = Curve("depth", colour: 0, values.enumerated().map { Curve.Point(at: Double($0), value: $1) })
        let thin = curve.thinned(to: 100, of: 0...9999)
        #expect(thin.points.count <= 100 * 4 + 10)
        #expect(thin.highest == 999 && thin.points.first == curve.points.first && thin.points.last == curve.points.last)
        #expect(thin.segments.count == 2)
        #expect(zip(thin.points, thin.points.dropFirst()).allSatisfy { $0.at < $1.at })
    }

    @Test("a chart's rate is what a number grew by, and is not known over a gap")
    func rates() {
        let points = [0.0, 5, 10, nil, 30, 40].enumerated().map { Curve.Point(at: Double($0) / 2, value: $1) }
        let rate = Curve("accepted", colour: 0, points).rate(per: 1)
        #expect(rate.points == [.init(at: 0.5, value: 10), .init(at: 1, value: nil), .init(at: 2.25, value: 20)])
        let gap = [0.0, nil, 30].enumerated().map { Curve.Point(at: Double($0), value: $1) }
        #expect(Curve("accepted", colour: 0, gap).rate(per: 1).highest == nil)
        let steady = (0...11).map { Curve.Point(at: Double($0) * 0.2, value: Double($0)) }
        let spans = Curve("accepted", colour: 0, steady).rate(per: 1).points
        #expect(spans.count == 2 && spans.allSatisfy { abs(($0.value ?? 0) - 5) < 1e-9 }, "\(spans)")
        #expect(Curve("accepted", colour: 0, []).rate(per: 1).points.isEmpty)
    }

    @Test("a chart keeps the highest value of each second, and gaps stay gaps")
    func peaks() {
        let points = [1.0, 7, 2, 3, nil, nil, 5, 0].enumerated().map { Curve.Point(at: Double($0) / 2, value: $1) }
        #expect(Curve("orders", colour: 0, points).peaks(per: 1).points.map(\.value) == [7, 3, nil, 5])
    }

    @Test("a percentile of latencies is a value that was there")
    func percentiles() {
        let values = (1...100).map(Double.init)
        #expect(RunCurves.percentile(0.5, of: values) == 50 && RunCurves.percentile(0.99, of: values) == 99)
        #expect(RunCurves.percentile(0.99, of: [3]) == 3 && RunCurves.percentile(0.5, of: []) == nil)
    }

    @Test("names of faults on a chart never touch each other nor the edge, and those without a place are counted")
    func labels() {
        var random = SeededNumbers(state: 42)
        for count in 1...60 {
            let notes = (0..<count).map { index in
                let from = Double.random(in: 0...100, using: &random)
                let name = String(repeating: "x", count: Int.random(in: 1...50, using: &random))
                return Annotation(kind: .fault, text: "\(index)\(name)", from: from, to: from + 5)
            }
            let lanes = LabelLanes(notes, within: 54...626) { 54 + $0 * 5.72 }
            #expect(lanes.labels.count + lanes.leftOut == count && lanes.lanes <= LabelLanes.most)
            let spans = lanes.labels.map { ($0.lane, $0.x, $0.x + Double($0.text.count) * LabelLanes.characterWidth) }
            #expect(spans.allSatisfy { $0.1 >= 54 && $0.2 <= 626.001 })
            for (index, one) in spans.enumerated() {
                #expect(spans[..<index].allSatisfy { $0.0 != one.0 || $0.2 < one.1 || one.2 < $0.1 })
            }
        }
    }

    @Test("a fault that happens again and again is named once on a chart, with how often")
    func repeated() {
        let lanes = LabelLanes(Annotation.all(of: MadeUpRun.record()), within: 54...626) { 54 + $0 * 8 }
        #expect(
            lanes.labels.map(\.text).sorted() == [
                "database: restart", "drained", "kill -9 order-worker ×3", "last answer", "logistics: outage",
            ])
    }

    @Test("charts of a comparison have one height")
    func neighbours() throws {
        let (low, high) = (chart([line(to: 8)]), chart([line(to: 90)]))
        #expect(low.values != high.values)
        #expect(low.beside([low, high], named: "low").values == high.values, "an id of its own makes it a neighbour")
    }

    private func line(to value: Double) -> Curve {
        Curve("\(value)", colour: 0, [.init(at: 0, value: 0), .init(at: 6, value: value)])
    }

    private func chart(_ curves: [Curve]) -> Chart {
        Chart(
            id: "chart-\(curves.first?.name ?? "")", title: "Orders", note: "in a test", axis: .things, summary: .last,
            curves: curves, extent: 0...6, annotations: [])
    }
}

/// The same numbers in each run of a test.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ (state >> 29)) &* 0x94D0_49BB_1331_11EB
    }
}
