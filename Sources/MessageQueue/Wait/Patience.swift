/// How long an idle step waits before it looks by itself.
///
/// Without a doorbell, behind a pooler, it looks at once after something came, and then ever less often: so a message waits
/// for a third of the time that its queue was idle, and a second at the most.
struct Patience {
    private static let shortest = Duration.milliseconds(10)
    private static let longestWhenDeaf = Duration.seconds(1)

    let longest: Duration
    private var step = shortest

    init(longest: Duration) { self.longest = longest }

    mutating func renew() { step = Self.shortest }

    mutating func next(isDeaf: Bool) -> Duration {
        guard isDeaf else { return longest }
        defer { step = min(step * 1.5, Self.longestWhenDeaf) }
        return min(step, longest)
    }
}
