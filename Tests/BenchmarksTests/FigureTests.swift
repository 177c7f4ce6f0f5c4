import Foundation
import Testing

@testable import Benchmarks

@Suite("Figures are sums of readings")
struct FigureTests {
    private func figures(_ runs: [[(value: Double, floor: Double?)]]) -> [Figure] {
        Figure.summaries(
            of: runs.map { $0.enumerated().map { Reading("n\($0)", $1.value, "ms", floor: $1.floor) } })
    }

    @Test("a figure's value is the median of its runs, and one wild run does not move it")
    func median() throws {
        let figure = try #require(figures([[(10, nil)], [(1000, nil)], [(12, nil)]]).first)
        #expect(figure.value == 12)
        #expect(figure.runs == 3)
        #expect(figure.spread == 82.5)
        #expect(figure.floor == nil && figure.ratio == nil)
    }

    @Test("a figure's ratio is formed within each run: noise that slows a whole run changes nothing")
    func ratio() throws {
        let figure = try #require(figures([[(80, 100)], [(8, 10)], [(40, 50)]]).first)
        #expect(figure.ratio == 0.8)
        #expect(figure.floor == 50)
    }

    @Test("each name of a reading becomes one figure, in the order of appearance, also when a run lacks it")
    func names() {
        let figures = figures([[(1, nil)], [(1, nil), (2, nil)]])
        #expect(figures.map(\.name) == ["n0", "n1"])
        #expect(figures.map(\.runs) == [2, 1])
    }

    @Test("a floor of zero gives no infinite ratio")
    func zeroFloor() throws {
        let ratio = try #require(figures([[(5, 0)]]).first?.ratio)
        #expect(ratio == 0)
    }

    @Test(
        "numbers of figures are told with three digits that count",
        arguments: [
            (1234567.0, "1,234,567"), (123.4, "123"), (99.94, "99.9"), (1.234, "1.23"), (0.5, "0.5"), (0, "0"),
            (-3.333, "-3.33"),
        ])
    func text(value: Double, text: String) { #expect(Figure.text(value) == text) }

    @Test("a figure's record for programs has exactly the promised fields, null where there is nothing")
    func record() throws {
        let figure = try #require(figures([[(1, nil)]]).first)
        let facts = ServerFacts(version: "15.1", settings: ["fsync": "on"])
        let data = try JSONEncoder().encode(FigureRecord(figure, at: facts, on: "a machine"))
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(
            object.keys.sorted() == [
                "floor", "machine", "name", "ratio", "runs", "server", "spread", "unit", "value",
            ])
        #expect(object["floor"] is NSNull && object["ratio"] is NSNull)
    }

    @Test("however many settings a measured server has, their lines stay within 100 columns")
    func settings() {
        let settings = (0..<40).map { ("setting_number_\($0)", "value") }
        let facts = ServerFacts(version: "15.1", settings: Dictionary(settings) { $1 })
        let lines = facts.text.split(separator: "\n")
        #expect(lines.count > 5 && lines.allSatisfy { $0.count <= 100 })
    }
}

@Suite("Distributions")
struct DistributionTests {
    @Test("a percentile is the smallest value that so many of a distribution don't exceed")
    func percentiles() {
        let values = Distribution((1...1000).map(Double.init).shuffled())
        #expect(values.percentile(0.5) == 500)
        #expect(values.percentile(0.99) == 990)
        #expect(values.percentile(0.999) == 999)
        #expect(values.percentile(1) == 1000)
        #expect(values.percentile(0) == 1)
    }

    @Test("the median of an even number of values is the mean of the two in the middle")
    func median() {
        #expect(Distribution([4, 1, 3, 2]).median == 2.5)
        #expect(Distribution([7]).median == 7)
    }

    @Test("the percentiles of a distribution without values are zero")
    func empty() {
        let none = Distribution([])
        for value in [none.median, none.percentile(0.99), none.spread, none.largest] { #expect(value == 0) }
    }
}
