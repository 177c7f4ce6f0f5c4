import Testing

@testable import Postgres

@Suite("A line lingers only while crowds wait for it and the processors are used up")
struct LingerTests {
    /// What a line lives through, turn by turn, in virtual time; and how long it lingered after each.
    private struct Line {
        var linger = Linger(factor: 16, longest: .milliseconds(100))
        private let start = ContinuousClock.now
        private var clock = Duration.zero
        private var busyTime = Duration.zero
        private(set) var pauses: [Duration] = []

        var lingered: Int { pauses.count { $0 > .zero } }
        var elapsed: Duration { clock }

        /// - Parameter processors: how much of their time is used, by whomever; nil when nobody can tell.
        mutating func turn(
            _ time: Duration, after rest: Duration = .zero, count: Int = 8, isFull: Bool = false, processors: Double?
        ) {
            let length = (pauses.last ?? .zero) + rest + time
            clock += length
            busyTime += length * (processors ?? 0)
            let reading = processors.map { _ in
                ProcessorTime(busy: UInt64(busyTime / .microseconds(1)), all: UInt64(clock / .microseconds(1)))
            }
            let turn = Linger.Turn(end: start + clock, time: time, rest: rest, count: count, isFull: isFull)
            pauses.append(linger.pause(after: turn, processors: { reading }))
        }

        mutating func turns(_ count: Int, _ act: (inout Line, Int) -> Void) {
            for number in 0..<count { act(&self, number) }
        }

        mutating func forgetPauses() { pauses = [] }
    }

    /// Microseconds that claims took on a machine that was 85 % idle, and whose clock and scheduler were noisy.
    private static let noise = [
        640, 590, 3_100, 720, 610, 980, 4_400, 605, 880, 2_050, 615, 790, 12_300, 600, 650, 1_400,
    ]

    @Test("a calm line never lingers, whatever else the machine does", arguments: [0.05, 0.5, 1])
    func calm(processors: Double) {
        var line = Line()
        line.turns(5000) { line, _ in line.turn(.microseconds(600), after: .microseconds(1400), processors: processors)
        }
        #expect(line.lingered == 0)
    }

    @Test(
        "a line whose transactions vary twentyfold never lingers while the processors have time",
        arguments: [0.15, 0.6, 0.9])
    func noisy(processors: Double) {
        var line = Line()
        line.turns(5000) { line, number in
            line.turn(
                .microseconds(Self.noise[number % Self.noise.count]), count: 4 + number % 60, processors: processors)
        }
        #expect(line.lingered == 0)
    }

    @Test(
        "on a slow machine or a slow disk a line without rest never lingers while the processors have time",
        arguments: [3, 8, 40])
    func slow(milliseconds: Int) {
        var line = Line()
        line.turns(2000) { line, _ in line.turn(.milliseconds(milliseconds), count: 20, processors: 0.5) }
        #expect(line.lingered == 0)
    }

    @Test("a burst is worked off without lingering, even if it takes all there is for a moment")
    func burst() {
        var line = Line()
        line.turns(20) { line, _ in
            line.turns(100) { line, _ in line.turn(.milliseconds(4), count: 50, processors: 1) }
            line.turn(.milliseconds(1), after: .seconds(2), processors: 0.1)
        }
        #expect(line.lingered == 0)
    }

    @Test("a line that is used up for longer, as the processors are, lingers a multiple of its last transaction")
    func saturation() {
        var line = Line()
        line.turns(1000) { line, _ in line.turn(.milliseconds(4), count: 50, processors: 0.99) }
        #expect(line.lingered > 700)
        #expect(line.pauses.last == .milliseconds(64))
        #expect(line.pauses.allSatisfy { $0 == .zero || $0 == .milliseconds(64) })
    }

    @Test("to linger gives the processors time back, and does not end itself by that at once")
    func relief() {
        var line = Line()
        line.turns(1000) { line, number in
            line.turn(.milliseconds(4), count: 50, processors: number < 500 ? 0.99 : 0.85)
        }
        #expect(line.pauses.suffix(400).allSatisfy { $0 > .zero })
    }

    @Test(
        "when the saturation ends, lingering ends within two windows, and after a rest at once",
        arguments: [(0.99, 30), (0.4, 0)])
    func ends(processors: Double, rest: Int) {
        var line = Line()
        line.turns(1000) { line, _ in line.turn(.milliseconds(4), count: 50, processors: 0.99) }
        line.forgetPauses()
        let end = line.elapsed
        line.turns(1000) { line, _ in line.turn(.milliseconds(1), after: .milliseconds(rest), processors: processors) }
        #expect(line.lingered < 1000 && line.elapsed > end)
        let lastLingered = line.pauses.lastIndex { $0 > .zero } ?? 0
        #expect(lastLingered <= 60, "of a thousand turns, this was the last after which it lingered")

        line.turns(1000) { line, _ in line.turn(.milliseconds(4), count: 50, processors: 0.99) }
        line.turn(.milliseconds(4), after: .seconds(10), count: 50, processors: 0.99)
        #expect(line.pauses.last == .zero)
    }

    @Test(
        "one of many lines that share used up processors lingers, though it has to wait for the others between its transactions"
    )
    func shared() {
        var line = Line()
        line.turns(500) { line, _ in
            line.turn(.milliseconds(14), after: .milliseconds(18), count: 30, processors: 0.99)
        }
        #expect(line.pauses.suffix(300).allSatisfy { $0 == .milliseconds(86) })
    }

    @Test("few at a time never make a line linger, though it has no rest and the machine is used up by others")
    func othersWork() {
        var line = Line()
        line.turns(3000) { line, number in
            line.turn(.microseconds(Self.noise[number % Self.noise.count]), count: 1 + number % 30, processors: 1)
        }
        #expect(line.lingered == 0)
    }

    @Test("nobody waits longer than the longest time, the transaction that went before included")
    func longest() {
        var line = Line()
        line.turns(500) { line, number in
            line.turn(.milliseconds([7, 30, 99, 100, 250][number % 5]), count: 50, processors: 1)
        }
        let last = line.pauses.suffix(5)
        #expect(Array(last) == [.milliseconds(93), .milliseconds(70), .zero, .zero, .zero])
    }

    @Test("a transaction that was full, or of few, is followed by the next one at once")
    func nothingToGain() {
        var line = Line()
        line.turns(2000) { line, _ in line.turn(.milliseconds(4), count: 1000, isFull: true, processors: 1) }
        line.turns(2000) { line, _ in line.turn(.milliseconds(4), count: 3, processors: 1) }
        #expect(line.lingered == 0)
    }

    @Test("where the processors can't be asked, nobody lingers")
    func unknown() {
        var line = Line()
        line.turns(2000) { line, _ in line.turn(.milliseconds(4), count: 50, processors: nil) }
        #expect(line.lingered == 0)
    }
}

@Suite("How much the processors are used")
struct ProcessorTimeTests {
    @Test("the processors' time is read from the first line of /proc/stat; what gives way to us counts as free")
    func reading() throws {
        let text = "cpu  100 20 30 400 50 6 4 10 7 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n"
        let time = try #require(ProcessorTime(statistics: text))
        #expect(time.all == 620 && time.busy == 150)
    }

    @Test(
        "the processors' time is unknown when it is written in another way",
        arguments: ["", "cpu", "cpu 1 2 3", "intr 1 2 3 4 5 6 7 8"])
    func unreadable(text: String) { #expect(ProcessorTime(statistics: text) == nil) }

    @Test("the processors' use is the busy share of the time between two readings")
    func share() {
        let before = ProcessorTime(busy: 100, all: 1000)
        #expect(ProcessorTime(busy: 175, all: 1100).busyShare(since: before) == 0.75)
        #expect(before.busyShare(since: before) == 0)
    }

    #if os(Linux)
        @Test("this machine tells its processors' time")
        func here() throws {
            let first = try #require(ProcessorTime.now())
            #expect(first.all > 0 && first.busy <= first.all)
        }
    #endif
}
