/// How long to linger between two transactions of a kind, so that each carries more when the machine is busy.
///
/// A transaction has a price, however little is in it. On an idle machine it is best to commit what is there at once. On a
/// busy one, transactions queue up for the processor, and it is the price of many small ones that keeps it busy: then it
/// is better to let more come together. How busy it is shows in how much longer a transaction takes than the quickest of late.
///
/// A slow disk makes all of them slow, the quickest too, and so it makes nobody linger; nor does one that has become slow, once
/// its quicker times are forgotten.
public struct Linger: Sendable {
    private let factor: Int
    private let longest: Duration
    /// Of this stretch of transactions, and of the one before: so the quickest of late is one of the last hundreds.
    private var quickest: Duration?
    private var quickestBefore: Duration?
    private var count = 0

    /// Pauses shorter than this are not worth a timer.
    private static let shortest = Duration.milliseconds(2)
    /// As many transactions make a stretch.
    private static let stretch = 500

    /// - Parameters:
    ///   - factor: how many times the delay of the last transaction is lingered.
    ///   - longest: the most that is ever lingered.
    public init(factor: Int, longest: Duration) {
        self.factor = factor
        self.longest = longest
    }

    /// Answers how long to linger after a transaction that took `time`; zero while the machine is idle.
    public mutating func pause(afterTaking time: Duration) -> Duration {
        if count == Self.stretch { (quickestBefore, quickest, count) = (quickest, nil, 0) }
        count += 1
        let shortest = min(quickest ?? time, time)
        quickest = shortest
        let pause = (time - min(shortest, quickestBefore ?? shortest)) * factor
        return pause < Self.shortest ? .zero : min(pause, longest)
    }
}
