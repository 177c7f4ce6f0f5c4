import Testing

@testable import MessageQueue

@Suite("A loop is late when it has not come round in its time")
struct LoopBeatsTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test("a loop is late once its time has passed, by as long as it has been silent, and no more once it came round")
    func late() {
        var beats = LoopBeats()
        let loop = beats.begin("receive shoes")
        _ = beats.beat(loop, within: .seconds(10), at: at(0))
        #expect(beats.late(at: at(10)).isEmpty)
        #expect(
            beats.late(at: at(17)) == [LateLoop(name: "receive shoes", limit: .seconds(10), silence: .seconds(17))])
        _ = beats.beat(loop, within: .seconds(10), at: at(20))
        #expect(beats.late(at: at(29)).isEmpty)
    }

    @Test("each round of a loop has the time that its own beat gives it")
    func ownTime() {
        var beats = LoopBeats()
        let loop = beats.begin("sweep")
        _ = beats.beat(loop, within: .seconds(100), at: at(0))
        _ = beats.beat(loop, within: .seconds(1), at: at(1))
        #expect(beats.late(at: at(3)).map(\.silence) == [.seconds(2)])
    }

    @Test("a loop that has not begun, rests, or has ended is never late")
    func notLate() {
        var beats = LoopBeats()
        let (new, resting, ended) = (beats.begin("new"), beats.begin("resting"), beats.begin("ended"))
        for loop in [resting, ended] { _ = beats.beat(loop, within: .seconds(1), at: at(0)) }
        _ = beats.rest(resting, at: at(1))
        beats.end(ended)
        #expect(beats.late(at: at(1000)).isEmpty)
        // Whoever has ended says nothing any more.
        #expect(beats.beat(ended, within: .seconds(1), at: at(1)) == nil)
        #expect(beats.late(at: at(1000)).isEmpty)
        _ = beats.beat(new, within: .seconds(1), at: at(1000))
        #expect(beats.late(at: at(1002)).map(\.name) == ["new"])
    }

    @Test("of several loops with one name the one late for longest is told, and names come in their order")
    func sameName() {
        var beats = LoopBeats()
        for (number, name) in ["settle shoes", "settle shoes", "prepare shoes", "settle shoes"].enumerated() {
            _ = beats.beat(beats.begin(name), within: .seconds(5), at: at(number))
        }
        let late = beats.late(at: at(30))
        #expect(late.map(\.name) == ["prepare shoes", "settle shoes"])
        #expect(late.map(\.silence) == [.seconds(28), .seconds(30)])
        // The last one still has time.
        #expect(beats.late(at: at(8)).map(\.silence) == [.seconds(6), .seconds(8)])
    }

    @Test("how late a loop is counts from the end of its time, and is nothing for one that is in time or at rest")
    func lateness() {
        var beats = LoopBeats()
        let (one, other) = (beats.begin("receive shoes"), beats.begin("receive shoes"))
        let resting = beats.begin("consumer")
        _ = beats.beat(one, within: .seconds(10), at: at(0))
        _ = beats.beat(other, within: .seconds(10), at: at(5))
        _ = beats.beat(resting, within: .seconds(1), at: at(0))
        _ = beats.rest(resting, at: at(1))
        #expect(beats.lateness(at: at(10)).isEmpty)
        #expect(beats.lateness(at: at(17)) == ["receive shoes": .seconds(7)])
        beats.end(one)
        #expect(beats.lateness(at: at(17)) == ["receive shoes": .seconds(2)])
    }

    @Test("a loop's lateness is news once, its end is told once, and the next lateness is news again")
    func news() {
        var beats = LoopBeats()
        let loop = beats.begin("receive shoes")
        #expect(beats.beat(loop, within: .seconds(10), at: at(0)) == nil)
        #expect(beats.newlyLate(at: at(5)).isEmpty)
        #expect(beats.newlyLate(at: at(11)).map(\.name) == ["receive shoes"])
        #expect(beats.newlyLate(at: at(12)).isEmpty)
        #expect(beats.late(at: at(12)).count == 1)
        #expect(beats.beat(loop, within: .seconds(10), at: at(15)) == .seconds(15))
        #expect(beats.beat(loop, within: .seconds(10), at: at(16)) == nil)
        #expect(beats.newlyLate(at: at(27)).map(\.name) == ["receive shoes"])
        #expect(beats.rest(loop, at: at(30)) == .seconds(14))
        #expect(beats.rest(loop, at: at(31)) == nil)
    }

    @Test("a second loop of the same name that becomes late is no news while the first one is late")
    func newsOfSameName() {
        var beats = LoopBeats()
        for second in 0..<3 { _ = beats.beat(beats.begin("settle shoes"), within: .seconds(10), at: at(second)) }
        #expect(beats.newlyLate(at: at(11)).count == 1)
        #expect(beats.newlyLate(at: at(12)).isEmpty)
        #expect(beats.newlyLate(at: at(20)).isEmpty)
    }

    @Test("a late loop says what it does, for how long it has been silent, and how long it may be")
    func words() {
        let loop = LateLoop(name: "receive shoes", limit: .seconds(50), silence: .milliseconds(61_900))
        #expect("\(loop)" == "receive shoes has not come round for 61 s, and should within 50 s")
    }
}
