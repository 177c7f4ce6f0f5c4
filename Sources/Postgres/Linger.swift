/// Whether, and for how long, to linger between two transactions of a kind, so that each carries more.
///
/// A transaction has a price, however little is in it. While there is time to spare it is best to commit what is there at once:
/// what comes meanwhile is gathered anyway, and goes with the next one. Once the processors are used up it is the price of many
/// small transactions that uses them, and only then is it worth it that somebody waits for company.
///
/// So two things must hold for a while, each seen over whole windows of time and not by how one transaction varied: what the line
/// carries comes in crowds, since it waits anyway, and the processors of this machine had hardly any rest. A slow disk, a slow
/// machine, noise or a burst make transactions longer; they make nobody linger. Where the processors can't be asked, and where the
/// server that is used up is another machine, nobody lingers.
///
/// The line itself need not be without rest: where many processes share the processors, each of them waits for the others.
///
/// Nobody waits longer than `longest` for the sake of company, what was waited for the transaction before included.
public struct Linger: Sendable {
    /// One transaction of the line.
    public struct Turn: Sendable {
        /// When it had ended.
        public var end: ContinuousClock.Instant
        /// How long it took.
        public var time: Duration
        /// How long the line had nothing to do since the turn before, pauses not included.
        public var rest: Duration
        /// How many it carried.
        public var count: Int
        /// Whether it could not have carried more.
        public var isFull: Bool

        /// A turn as it was measured.
        public init(end: ContinuousClock.Instant, time: Duration, rest: Duration, count: Int, isFull: Bool) {
            self.end = end
            self.time = time
            self.rest = rest
            self.count = count
            self.isFull = isFull
        }
    }

    private let factor: Int
    private let longest: Duration
    private var isUsedUp = false
    private var window: Window?

    /// A stretch of time, what the line did in it, and what the processors had done before.
    private struct Window {
        let start: ContinuousClock.Instant
        let processors: ProcessorTime?
        var rest = Duration.zero
        var turns = 0
        var count = 0

        mutating func add(_ turn: Turn) {
            rest += turn.rest
            turns += 1
            count += turn.count
        }
    }

    /// A share of time is taken over this long.
    private static let length = Duration.milliseconds(500)
    /// Entered and left at different shares, so that lingering, which gives time back, does not end itself at once.
    private static let busyProcessors = 0.95
    private static let restingProcessors = 0.8
    /// Less of its time, pauses included, and the line has little to do with it.
    private static let busyLine = 0.1
    /// Fewer in one transaction, in the mean of a window, show that nobody waits for long.
    private static let crowd = 16
    /// Pauses shorter than this are not worth a timer.
    private static let shortest = Duration.milliseconds(2)

    /// Lingers in proportion to the delay, up to a limit.
    ///
    /// - Parameters:
    ///   - factor: how many times as long as the last transaction took is lingered.
    ///   - longest: the most that anybody is made to wait.
    public init(factor: Int, longest: Duration) {
        self.factor = factor
        self.longest = longest
    }

    /// Answers how long to linger after a transaction.
    public mutating func pause(after turn: Turn) -> Duration { pause(after: turn, processors: ProcessorTime.now) }

    mutating func pause(after turn: Turn, processors: () -> ProcessorTime?) -> Duration {
        note(turn, processors)
        guard isUsedUp, turn.count >= Self.crowd, !turn.isFull else { return .zero }
        // Who waits now has come while it went on.
        let pause = min(turn.time * factor, longest - turn.time)
        return pause < Self.shortest ? .zero : pause
    }

    private mutating func note(_ turn: Turn, _ processors: () -> ProcessorTime?) {
        var window = window ?? Window(start: turn.end - turn.time - turn.rest, processors: processors())
        window.add(turn)
        let length = window.start.duration(to: turn.end)
        if length >= Self.length {
            let now = processors()
            isUsedUp = isUsedUp(after: window, of: length, now)
            window = Window(start: turn.end, processors: now)
        }
        self.window = window
    }

    private func isUsedUp(after window: Window, of length: Duration, _ now: ProcessorTime?) -> Bool {
        guard window.count >= Self.crowd * window.turns, 1 - window.rest / length >= Self.busyLine,
            let before = window.processors, let now
        else {
            return false
        }
        return now.busyShare(since: before) >= (isUsedUp ? Self.restingProcessors : Self.busyProcessors)
    }
}
