/// Whether, and for how long, to linger between two transactions of a kind, so that each carries more.
///
/// A transaction has a price, however little is in it. While there is time to spare it is best to commit what is there at once:
/// what comes meanwhile is gathered anyway, and goes with the next one. Once the processors are used up it is the price of many
/// small transactions that uses them, and only then is it worth it that somebody waits for company.
///
/// So two things must hold for a while, each seen over whole windows of time and not by how one transaction varied: the line that
/// runs the transactions had hardly any rest, and the processors of this machine had hardly any, either. A slow disk, a slow
/// machine, noise or a burst make transactions longer; they make nobody linger. Where the processors can't be asked, and where the
/// server that is used up is another machine, nobody lingers.
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

    private enum Load {
        /// There is time to spare.
        case calm
        /// The line has none. Whether the processors have is measured from this reading on.
        case busyLine(since: ProcessorTime)
        /// The processors have none, either.
        case usedUp(since: ProcessorTime)
    }

    private let factor: Int
    private let longest: Duration
    private var load = Load.calm
    private var windowStart: ContinuousClock.Instant?
    private var rest = Duration.zero

    /// A share of time is taken over this long.
    private static let window = Duration.milliseconds(500)
    /// Entered and left at different shares, so that lingering, which gives time back, does not end itself at once.
    private static let busyLine = 0.9
    private static let restingLine = 0.7
    private static let busyProcessors = 0.95
    private static let restingProcessors = 0.8
    /// Fewer in one transaction show that little is going on.
    private static let worthGathering = 4
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
        guard case .usedUp = load, turn.count >= Self.worthGathering, !turn.isFull else { return .zero }
        // Who waits now has come while it went on.
        let pause = min(turn.time * factor, longest - turn.time)
        return pause < Self.shortest ? .zero : pause
    }

    private mutating func note(_ turn: Turn, _ processors: () -> ProcessorTime?) {
        let start = windowStart ?? turn.end - turn.time - turn.rest
        windowStart = start
        rest += turn.rest
        let length = start.duration(to: turn.end)
        guard length >= Self.window else { return }
        load = next(lineIsBusy: 1 - rest / length, processors)
        (windowStart, rest) = (turn.end, .zero)
    }

    /// What the window that has just ended tells.
    private func next(lineIsBusy share: Double, _ processors: () -> ProcessorTime?) -> Load {
        switch load {
        case .calm: share < Self.busyLine ? .calm : processors().map { .busyLine(since: $0) } ?? .calm
        case .busyLine(let before):
            share < Self.busyLine ? .calm : Self.measured(from: before, to: processors(), Self.busyProcessors)
        case .usedUp(let before):
            share < Self.restingLine ? .calm : Self.measured(from: before, to: processors(), Self.restingProcessors)
        }
    }

    private static func measured(from before: ProcessorTime, to now: ProcessorTime?, _ most: Double) -> Load {
        guard let now else { return .calm }
        return now.busyShare(since: before) < most ? .busyLine(since: now) : .usedUp(since: now)
    }
}
