/// How long to wait before a process that died is started again: 100 ms, doubled each time, 10 s at the most.
/// A process that lived for a minute starts anew.
public struct BackOff: Equatable, Sendable {
    static let shortest = Duration.milliseconds(100)
    public static let usualLongest = Duration.seconds(10)
    static let stable = Duration.seconds(60)

    private let longest: Duration
    private var next = shortest

    public init(longest: Duration = usualLongest) { self.longest = longest }

    public mutating func pause(afterLiving life: Duration) -> Duration {
        if life >= Self.stable { next = Self.shortest }
        defer { next = min(next * 2, longest) }
        return next
    }
}
