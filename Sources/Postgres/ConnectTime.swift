/// The time for connecting, divided among the servers and addresses that may have to be tried.
///
/// So that one that accepts and says nothing is left while there is time for the others.
struct ConnectTime {
    /// What each address has, where the connection string says so.
    let each: Duration?
    /// When all of it has passed, where it doesn't.
    let end: ContinuousClock.Instant
    /// When whoever waits for the connection waits no longer. Divided in either case: who has 5 seconds in all is not helped by a
    /// host that may take 10.
    var callEnd: ContinuousClock.Instant?

    /// What the next one has, when so many are left.
    func share(of count: Int) -> ConnectTime {
        let now = ContinuousClock.now
        func part(until end: ContinuousClock.Instant) -> ContinuousClock.Instant {
            now + now.duration(to: end) / max(1, count)
        }
        return ConnectTime(each: each, end: part(until: end), callEnd: callEnd.map(part))
    }

    /// When the one that is tried now has to have answered.
    var deadline: ContinuousClock.Instant {
        let own = each.map { .now + $0 } ?? end
        return callEnd.map { min($0, own) } ?? own
    }
}
