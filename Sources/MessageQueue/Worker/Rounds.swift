/// When something that fails again and again is tried: it sits out one round, then three, then seven, and so on.
struct Rounds {
    private static let most = 10
    private var failures = 0
    private var toSitOut = 0

    /// Asked once a round.
    mutating func isDue() -> Bool {
        guard toSitOut > 0 else { return true }
        toSitOut -= 1
        return false
    }

    mutating func wentWell() { self = Rounds() }

    /// - Parameter isPassing: it may go well next time without anybody's doing.
    mutating func failed(isPassing: Bool) {
        guard !isPassing else { return }
        failures = min(failures + 1, Self.most)
        toSitOut = min((1 << failures) - 1, Self.most)
    }
}
