import Testing

@testable import MessageQueue

@Suite("Finished places travel as runs")
struct RunsTests {
    @Test(
        "finished places travel as runs, of which a gap, another lane, another queue, and a place that is named twice begin a new one"
    )
    func runs() {
        let places = [(1, 0, 5), (1, 0, 6), (1, 0, 8), (1, 1, 9), (2, 1, 10), (2, 1, 10), (2, 1, 11)].map(Self.receipt)
        let runs = Receipt.runs(of: places)
        #expect(runs.map(\.first) == [(1, 0, 5), (1, 0, 8), (1, 1, 9), (2, 1, 10), (2, 1, 10)].map(Self.receipt))
        #expect(runs.map(\.last) == [6, 8, 9, 10, 11])
        #expect(Receipt.runs(of: []).isEmpty)
    }

    private static func receipt(queue: Int, lane: Int, seq: Int) -> Receipt {
        Receipt(queue: Int32(queue), lane: Int16(lane), seq: Int64(seq), mark: 0)
    }
}
