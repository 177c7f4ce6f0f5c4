/// The time for connecting, divided among the servers and addresses that may have to be tried.
///
/// So that one that accepts and says nothing is left while there is time for the others.
struct ConnectTime {
    /// What each address has, where the connection string says so.
    let each: Duration?
    /// When all of it has passed, where it doesn't.
    let end: ContinuousClock.Instant
    /// When whoever waits for the connection waits no longer.
    var callEnd: ContinuousClock.Instant?

    /// What the next one has, when so many are left.
    func share(of count: Int) -> ConnectTime {
        let now = ContinuousClock.now
        return ConnectTime(each: each, end: now + now.duration(to: end) / max(1, count), callEnd: callEnd)
    }

    /// When the one that is tried now has to have answered.
    var deadline: ContinuousClock.Instant {
        let own = each.map { .now + $0 } ?? end
        return callEnd.map { min($0, own) } ?? own
    }
}
