/// How long to linger between two transactions of a kind, so that each carries more when the machine is busy.
///
/// A transaction has a price, however little is in it. On an idle machine it is best to commit what is there at once. On a
/// busy one, transactions queue up for the processor, and it is the price of many small ones that keeps it busy: then it
/// is better to let more come together. How busy it is shows in how much longer a transaction takes than the quickest did.
///
/// A slow disk makes all of them slow, the quickest too, and so it makes nobody linger.
public struct Linger: Sendable {
    private let factor: Int
    private let longest: Duration
    private var quickest: Duration?

    /// Pauses shorter than this are not worth a timer.
    private static let shortest = Duration.milliseconds(2)

    /// - Parameters:
    ///   - factor: how many times the delay of the last transaction is lingered.
    ///   - longest: the most that is ever lingered.
    public init(factor: Int, longest: Duration) {
        self.factor = factor
        self.longest = longest
    }

    /// Answers how long to linger after a transaction that took `time`; zero while the machine is idle.
    public mutating func pause(afterTaking time: Duration) -> Duration {
        let quickest = min(quickest ?? time, time)
        self.quickest = quickest
        let pause = (time - quickest) * factor
        return pause < Self.shortest ? .zero : min(pause, longest)
    }
}
