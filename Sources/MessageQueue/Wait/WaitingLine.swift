/// What somebody waits for.
struct WaitingWish: Sendable {
    let limit: Int
    let lease: Duration
}

/// Who waits for one subject, such as a queue, served in the order of their coming. Decisions only: no clock, no lock or I/O.
struct WaitingLine<Found: Sendable> {
    typealias Outcome = Result<[Found], any Error>
    /// How a wait ends.
    typealias Answer = @Sendable (Outcome) -> Void

    private struct Caller {
        let wish: WaitingWish
        let answer: Answer
        /// Its time has passed while messages were looked for on its behalf: what this look brings is its own still.
        var isLate = false
    }

    private var callers: [Int: Caller] = [:]
    /// In the order of their coming; those that have left are passed over.
    private var order: [Int] = []
    private var start = 0
    private var served: Int?
    /// What went wrong with the last look; nil when nothing did.
    private var trouble: (any Error)?

    var isEmpty: Bool { callers.isEmpty }
    var count: Int { callers.count }

    mutating func join(_ caller: Int, _ wish: WaitingWish, _ answer: @escaping Answer) {
        callers[caller] = Caller(wish: wish, answer: answer)
        order.append(caller)
    }

    /// The one who is served now, until ``finish(_:with:)``; nil when nobody waits any more.
    mutating func serveNext() -> (caller: Int, wish: WaitingWish)? {
        while start < order.count {
            if let caller = callers[order[start]] {
                served = order[start]
                return (order[start], caller.wish)
            }
            start += 1
        }
        (order, start) = ([], 0)
        return nil
    }

    /// A look on behalf of a caller is over.
    ///
    /// - Parameter outcome: no messages keep the caller waiting, unless it is late, and so does trouble that may pass.
    /// - Returns: how the caller's wait ends, if it does; and whether messages have found nobody.
    mutating func finish(_ caller: Int, with outcome: Outcome) -> (answer: Answer?, areUnclaimed: Bool) {
        served = nil
        trouble = if case .failure(let error) = outcome { error } else { nil }
        let found = (try? outcome.get()) ?? []
        guard let waiting = callers[caller] else { return (nil, !found.isEmpty) }
        guard !found.isEmpty || waiting.isLate else { return (nil, false) }
        callers[caller] = nil
        return (waiting.answer, false)
    }

    /// The time of a caller has passed.
    ///
    /// - Returns: how its wait ends; nil when it is over already, or ends with the look on its behalf.
    mutating func expire(_ caller: Int) -> (answer: Answer, outcome: Outcome)? {
        if served == caller {
            callers[caller]?.isLate = true
            return nil
        }
        return leave(caller).map { ($0, trouble.map(Outcome.failure) ?? .success([])) }
    }

    /// A caller goes, whatever is done on its behalf.
    mutating func leave(_ caller: Int) -> Answer? { callers.removeValue(forKey: caller)?.answer }

    /// Everybody goes.
    mutating func leaveAll() -> [Answer] {
        defer { callers = [:] }
        return callers.values.map(\.answer)
    }
}
