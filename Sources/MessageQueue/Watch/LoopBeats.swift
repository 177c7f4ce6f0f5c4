/// Whether the loops of a process come round in time: each says when a round begins, and how long that one may take.
///
/// A loop at rest waits for something that may come whenever it likes, and is never late. Decisions only: whoever asks
/// brings the time.
struct LoopBeats {
    private struct Loop {
        let name: String
        var round: (start: ContinuousClock.Instant, limit: Duration)?
        var isTold = false
    }

    private var loops: [Int: Loop] = [:]
    private var next = 0

    /// A loop begins, at rest.
    ///
    /// - Returns: what it is known by from now on; several may have one name.
    mutating func begin(_ name: String) -> Int {
        next += 1
        loops[next] = Loop(name: name)
        return next
    }

    /// The loop has come round, and will again within `limit`.
    ///
    /// - Returns: how long the last round took, when it was told to be late.
    mutating func beat(_ loop: Int, within limit: Duration, at now: ContinuousClock.Instant) -> Duration? {
        defer { loops[loop]?.round = (now, limit) }
        return comeRound(loop, at: now)
    }

    /// As ``beat(_:within:at:)``, but nobody knows when it comes round again.
    mutating func rest(_ loop: Int, at now: ContinuousClock.Instant) -> Duration? {
        defer { loops[loop]?.round = nil }
        return comeRound(loop, at: now)
    }

    mutating func end(_ loop: Int) { loops[loop] = nil }

    private mutating func comeRound(_ loop: Int, at now: ContinuousClock.Instant) -> Duration? {
        guard let known = loops[loop], known.isTold, let start = known.round?.start else { return nil }
        loops[loop]?.isTold = false
        return start.duration(to: now)
    }

    /// Those that have not come round in their time, by name; of several with one name, the one that is late for longest.
    func late(at now: ContinuousClock.Instant) -> [LateLoop] {
        var late: [String: LateLoop] = [:]
        for loop in loops.values {
            guard let round = loop.round, round.start + round.limit < now else { continue }
            let found = LateLoop(name: loop.name, limit: round.limit, silence: round.start.duration(to: now))
            if found.silence > late[loop.name]?.silence ?? .zero { late[loop.name] = found }
        }
        return late.values.sorted { $0.name < $1.name }
    }

    /// By how much each has passed its time, by name, of several with one name the latest; nothing for one that is in
    /// time, rests, or has ended.
    func lateness(at now: ContinuousClock.Instant) -> [String: Duration] {
        loops.values.reduce(into: [:]) { lateness, loop in
            guard let round = loop.round, round.start + round.limit < now else { return }
            let late = round.start.duration(to: now) - round.limit
            lateness[loop.name] = max(lateness[loop.name] ?? .zero, late)
        }
    }

    /// Those of ``late(at:)`` that it has not answered before.
    mutating func newlyLate(at now: ContinuousClock.Instant) -> [LateLoop] {
        let told = Set(loops.values.filter(\.isTold).map(\.name))
        for (id, loop) in loops where loop.round.map({ $0.start + $0.limit < now }) ?? false {
            loops[id]?.isTold = true
        }
        return late(at: now).filter { !told.contains($0.name) }
    }
}
