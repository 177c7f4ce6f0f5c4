/// Which consumers are lost, as a rescuer concludes from one look after the other.
///
/// A consumer is given up when its lock was free twice in a row, so that one that is just reconnecting keeps its
/// messages; or, if it holds none, when it has been silent for too long. One that is silent and holds its lock all the
/// same may come back: its messages are taken, and it is kept.
struct LostConsumers {
    struct Conclusion: Equatable {
        /// They are given up.
        var lost: Set<Int64> = []
        /// They have been silent for too long, and keep their numbers unless they are lost as well.
        var silent: Set<Int64> = []

        /// Whose messages are to be taken.
        var all: Set<Int64> { lost.union(silent) }
    }

    /// Who was silent for long is given this many looks more: while the server was away nobody could give a sign.
    private static let grace = 3

    /// Whose lock was free at the last look.
    private var suspects: Set<Int64> = []
    /// At how many looks in a row each consumer has been silent.
    private var silence: [Int64: Int] = [:]
    /// Silent ones that everything has been taken from already.
    private var emptied: Set<Int64> = []
    private var origin: Origin?

    /// Until the next look. A second one at a suspect comes soon: so a lost consumer is found out within three seconds,
    /// by few looks. One without a lock is found out within thirteen: `Consumer.longestSilence`, and three looks.
    var pause: Duration { .milliseconds(suspects.isEmpty ? 1500 : 750) }

    /// - Parameter origin: where was looked; elsewhere the same numbers are those of others.
    mutating func conclude(from gone: Broker.Gone, at origin: Origin) -> Conclusion {
        if self.origin != origin { (suspects, silence, emptied) = ([], [:], []) }
        self.origin = origin
        silence = Dictionary(uniqueKeysWithValues: gone.silent.map { ($0, silence[$0, default: 0] + 1) })
        emptied.formIntersection(gone.silent)
        let silent = Set(silence.filter { $0.value >= Self.grace }.keys).subtracting(gone.unlocked).subtracting(emptied)
        let lost = gone.unlocked.intersection(suspects).union(silent.intersection(gone.lockless))
        suspects = gone.unlocked.subtracting(lost)
        return Conclusion(lost: lost, silent: silent)
    }

    /// What these held has been given back.
    mutating func tookEverything(from silent: Set<Int64>) { emptied.formUnion(silent) }
}
