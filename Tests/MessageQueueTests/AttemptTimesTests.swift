import Foundation
import Testing

@testable import MessageQueue

@Suite("Attempts are told by how long they took and how they failed")
struct AttemptTimesTests {
    private static let start = Date(timeIntervalSince1970: 1_000_000)

    /// Waited for so many seconds, and took twice as many.
    private func attempt(
        _ outcome: TraceEntry.Outcome, after seconds: Double?, error: String? = nil
    ) -> TraceEntry {
        TraceEntry(
            queue: "shoes", message: MessageID(), topic: nil, key: nil, tag: nil, attempt: 1, sentAt: Self.start,
            appendedAt: Self.start, claimedAt: seconds.map { Self.start.addingTimeInterval($0) }, worker: nil,
            finishedAt: seconds.map { Self.start.addingTimeInterval($0 * 3) }, outcome: outcome, error: error)
    }

    @Test("a percentile is of the nearest rank, and there is none of nothing")
    func percentile() {
        typealias Percentiles = AttemptTimes.Percentiles
        #expect(Percentiles.nearest(0.5, of: []) == nil)
        #expect(Percentiles.nearest(0.5, of: [3, 1, 2]) == 2)
        #expect(Percentiles.nearest(0.99, of: (1...200).map(Double.init)) == 198)
        #expect(Percentiles.nearest(0.99, of: [7]) == 7)
    }

    @Test("attempts are told by outcome, the most first, with how long they waited and how long they took")
    func byOutcome() {
        let done = (1...3).map { attempt(.done, after: Double($0)) }
        let times = AttemptTimes.byOutcome(done + [attempt(.waiting, after: nil), attempt(.inFlight, after: nil)])
        #expect(times.map(\.outcome) == [.done, .inFlight, .waiting] && times.map(\.attempts) == [3, 1, 1])
        #expect(times[0].waited.median == 2 && times[0].waited.p99 == 3)
        #expect(times[0].took.median == 4 && times[0].took.p99 == 6)
        #expect(times[1].waited.median == nil && times[1].took.p99 == nil)
    }

    @Test("errors that differ in ids alone are one, with a text by which all of them are found")
    func errors() {
        let failed = (1...4).map { number in
            attempt(.retried, after: Double(number), error: "order \(UUID()) timed out at the carrier")
        }
        let groups = ErrorGroup.groups(
            of: failed + [attempt(.dead, after: 1, error: "declined"), attempt(.done, after: 9)])
        #expect(groups.map(\.error) == ["order … timed out at the carrier", "declined"])
        #expect(groups.map(\.attempts) == [4, 1] && groups[0].part == " timed out at the carrier")
        #expect(groups[0].first == Self.start.addingTimeInterval(3))
        #expect(groups[0].last == Self.start.addingTimeInterval(12))
        let many = (0..<50).map { attempt(.retried, after: 1, error: "error \($0)") }
        #expect(ErrorGroup.groups(of: many).count == 10 && ErrorGroup.groups(of: []).isEmpty)
    }
}
