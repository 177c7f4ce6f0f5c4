import NIOCore
import Testing

@testable import Scenarios

/// What the network does with pieces, at times that are made up.
@Suite("What is in transit")
struct TransitTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    @Test("in transit under a delay each piece leaves so long after it came, in order, and the end comes last")
    func delay() {
        var (transit, bandwidth) = (Transit(), Bandwidth())
        // Lines one behind the other.
        let delay = LineCondition([.delay(.seconds(1)), .delay(.seconds(2))])
        let second = TimeAmount.seconds(1)
        for number in 0..<10 { transit.add(ByteBuffer(string: "\(number)"), at: start + second * number) }
        transit.end(at: start + second * 10)
        for number in 0..<10 {
            let due = start + second * (number + 3)
            let early = transit.next(at: due - .nanoseconds(1), under: delay, sharing: &bandwidth)
            #expect(early == .wait(until: due))
            #expect(transit.next(at: due, under: delay, sharing: &bandwidth) == .pass(ByteBuffer(string: "\(number)")))
        }
        #expect(transit.next(at: start + second * 13, under: delay, sharing: &bandwidth) == .end)
        #expect(transit.next(at: start + second * 13, under: delay, sharing: &bandwidth) == .rest)
    }

    @Test("a piece in transit that waits goes on at once when its fault has ended")
    func mended() {
        var (transit, bandwidth) = (Transit(), Bandwidth())
        let late = ByteBuffer(string: "late")
        transit.add(late, at: start)
        for fault in [NetworkFault.cut, .halfOpen] {
            #expect(transit.next(at: start, under: LineCondition([fault]), sharing: &bandwidth) == .rest)
        }
        #expect(transit.next(at: start, under: LineCondition(), sharing: &bandwidth) == .pass(late))
    }

    @Test("a throttled line takes as long as its rate says for all connections together", arguments: [1, 4])
    func throttle(connections: Int) {
        var bandwidth = Bandwidth()
        var transits = (0..<connections).map { _ in Transit() }
        for index in transits.indices { transits[index].add(ByteBuffer(repeating: 7, count: 10_000), at: start) }
        // Of two rates the smaller one holds.
        let line = LineCondition([.throttle(100_000), .throttle(300_000)])
        var now = start
        while let index = transits.indices.first(where: { transits[$0].byteCount > 0 }) {
            let action = transits[index].next(at: now, under: line, sharing: &bandwidth)
            if case .wait(let until) = action { now = until }
        }
        // The last portion of a twentieth of a second takes its time after it has left.
        #expect(now - start == .milliseconds(Int64(connections) * 100 - 50))
    }

    @Test("in transit under a delay and a throttle a piece waits for its time, then for its share")
    func delayedAndThrottled() {
        var (transit, bandwidth) = (Transit(), Bandwidth())
        let both = LineCondition([.throttle(100_000), .delay(.seconds(3))])
        transit.add(ByteBuffer(repeating: 7, count: 10_000), at: start)
        let due = start + .seconds(3)
        let half = ByteBuffer(repeating: 7, count: 5_000)
        #expect(transit.next(at: start, under: both, sharing: &bandwidth) == .wait(until: due))
        #expect(transit.next(at: due, under: both, sharing: &bandwidth) == .pass(half))
        let free = due + .milliseconds(50)
        #expect(transit.next(at: due, under: both, sharing: &bandwidth) == .wait(until: free))
        #expect(transit.next(at: free, under: both, sharing: &bandwidth) == .pass(half))
        #expect(transit.next(at: free, under: both, sharing: &bandwidth) == .rest)
    }
}
