import Foundation
import Testing

@testable import MessageQueue

@Suite("Lanes that are read backwards make one page that goes back in time")
struct SearchWalkTests {
    private typealias Step = SearchWalk.Step

    private func steps(_ lane: Int16, _ places: [(Int64, Double, Bool)]) -> [Step] {
        places.map {
            Step(lane: .init(queue: 1, lane: lane), seq: $0, at: Date(timeIntervalSince1970: $1), isHit: $2)
        }
    }

    @Test("a page stops at the oldest place of a lane that has more, and goes on there in each lane")
    func horizon() {
        let busy = steps(0, [(9, 90, true), (8, 80, true)])
        let quiet = steps(1, [(5, 85, true), (4, 70, true)])
        let walk = SearchWalk([busy, quiet], chunk: 2, limit: 10)
        #expect(walk.hits.map(\.seq) == [9, 5, 8])
        #expect(walk.reached == [.init(queue: 1, lane: 0): 8, .init(queue: 1, lane: 1): 5])
        #expect(walk.examined == 3)
    }

    @Test("a lane that gave fewer than were asked for has no more once it is passed")
    func ends() {
        let walk = SearchWalk([steps(0, [(2, 20, true)]), steps(1, [(3, 10, false)])], chunk: 5, limit: 10)
        #expect(walk.hits.map(\.seq) == [2] && walk.reached.isEmpty && walk.examined == 2)
    }

    @Test("a page that is full leaves the rest, also of lanes that it has not come to, to the next one")
    func full() {
        let walk = SearchWalk([steps(0, [(2, 20, true)]), steps(1, [(3, 10, true)])], chunk: 5, limit: 1)
        #expect(walk.hits.map(\.seq) == [2])
        #expect(walk.reached == [.init(queue: 1, lane: 1): 4])
    }

    @Test("a place whose transaction began late counts as no younger than those behind it: a lane's order is kept")
    func order() {
        let walk = SearchWalk([steps(0, [(9, 50, true), (8, 99, true), (7, 40, true)])], chunk: 9, limit: 9)
        #expect(walk.hits.map(\.seq) == [9, 8, 7])
    }

    @Test("random lanes are shown whole over their pages, each place once, each lane in its order", arguments: 1...20)
    func pages(run: Int) {
        let lanes = (0..<Int16.random(in: 1...5)).map { lane in
            steps(lane, (0..<Int64.random(in: 0...40)).reversed().map { ($0, Double.random(in: 0...50), .random()) })
        }
        var reached: [SearchPosition.Lane: Int64]?
        var shown: [Step] = []
        for _ in 0..<1000 {
            let chunk = Int.random(in: 1...6)
            let rest = lanes.map { lane in
                lane.filter { $0.seq < (reached == nil ? .max : reached?[$0.lane] ?? 0) }.prefix(chunk)
            }
            let walk = SearchWalk(rest.map(Array.init), chunk: chunk, limit: Int.random(in: 1...7))
            shown += walk.hits
            reached = walk.reached
            if walk.reached.isEmpty { break }
        }
        for lane in lanes {
            let own = shown.filter { $0.lane == lane.first?.lane }.map(\.seq)
            #expect(own == lane.filter(\.isHit).map(\.seq))
        }
    }

    @Test("a position is written and read again, and what is none is refused")
    func text() throws {
        let position = SearchPosition(
            reached: [.init(queue: 7, lane: 3): 1 << 41, .init(queue: 8, lane: 0): 5], mark: 99)
        #expect(SearchPosition("\(position)") == position)
        for text in ["", "x.y", "1_2", "1_2.3", "1_2.3.4.5", "zzzzzzzzzzzz"] { #expect(SearchPosition(text) == nil) }
    }
}
