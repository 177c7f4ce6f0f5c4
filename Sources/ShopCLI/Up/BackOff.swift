/// How long to wait before a process that died is started again: 100 ms, doubled each time, 10 s at the most.
/// A process that lived for a minute starts anew.
struct BackOff: Equatable {
    static let shortest = Duration.milliseconds(100)
    static let longest = Duration.seconds(10)
    static let stable = Duration.seconds(60)

    private var next = shortest

    mutating func pause(afterLiving life: Duration) -> Duration {
        if life >= Self.stable { next = Self.shortest }
        defer { next = min(next * 2, Self.longest) }
        return next
    }
}
