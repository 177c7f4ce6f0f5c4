import Postgres

/// What a running step claims, claim by claim: waits for messages, and for room to handle them.
///
/// Nothing is claimed that nobody has a hand free for. Ends when the runtime stops; what was claimed goes on.
struct Claims: AsyncSequence {
    private let runtime: StepRuntime
    private let capacity: Capacity

    /// - Parameter capacity: a claim fills what it reserved there; whoever handles the messages frees it.
    init(by runtime: StepRuntime, within capacity: Capacity) {
        self.runtime = runtime
        self.capacity = capacity
    }

    func makeAsyncIterator() -> ClaimIterator { ClaimIterator(runtime, capacity) }
}

struct ClaimIterator: AsyncIteratorProtocol {
    private let runtime: StepRuntime
    private let capacity: Capacity
    private let pulse: Watchdog.Pulse
    private var patience: Patience
    private var linger = Linger(factor: 16, longest: .milliseconds(100))
    private var pause = Duration.zero
    /// Since when nothing was there.
    private var restingSince: ContinuousClock.Instant?
    /// The last claim: nil once it has been dealt with.
    private var last: Broker.Claim?
    /// Whether the last claim brought few, and all that there was, as far as could be seen.
    private var hasCaughtUp = false
    /// What becomes due is looked for when a claim finds nothing, and also now and then while messages come.
    private var nextLook = ContinuousClock.now

    init(_ runtime: StepRuntime, _ capacity: Capacity) {
        self.runtime = runtime
        self.capacity = capacity
        pulse = runtime.broker.watchdog.pulse(of: "receive \(runtime.queue)")
        patience = Patience(longest: runtime.poll)
    }

    mutating func next() async -> [ReceivedMessage]? {
        while !runtime.isStopping, !Task.isCancelled {
            pulse.beat(within: runtime.longestRound)
            do {
                let messages = try await claim(
                    after: hasCaughtUp ? min(Self.echo, ContinuousClock.now.duration(to: nextLook)) : lookForDue())
                if !messages.isEmpty { return messages }
            } catch {
                await runtime.pause(after: error)
            }
        }
        return nil
    }

    private mutating func claim(after idle: Duration?) async throws -> [ReceivedMessage] {
        await gather()
        // Whoever is at work there has a pulse of its own.
        pulse.rest()
        let room = await capacity.reserve()
        pulse.beat(within: runtime.longestRound)
        var messages: [ReceivedMessage] = []
        defer { capacity.giveBack(unused: room - messages.count) }
        let (claim, time) = try await runtime.claim(room, after: idle)
        last = claim
        messages = claim.messages
        hasCaughtUp = claim.hasCaughtUp(askingFor: room) && nextLook > .now && !runtime.source.isDeaf
        note(messages, from: .now - time, for: time)
        return messages
    }

    private mutating func note(_ messages: [ReceivedMessage], from start: ContinuousClock.Instant, for time: Duration) {
        if messages.isEmpty {
            restingSince = restingSince ?? start
            return
        }
        let rest = restingSince.take()?.duration(to: start) ?? .zero
        let isFull = messages.count >= capacity.mostPerClaim
        pause = linger.pause(
            after: .init(end: start + time, time: time, rest: rest, count: messages.count, isFull: isFull))
        patience.renew()
        runtime.note(messages)
    }

    private mutating func gather() async {
        guard pause > .zero else { return }
        runtime.noteLinger()
        // Ends early, by an error, when the worker is told to give up.
        try? await Task.sleep(for: pause)
        pause = .zero
    }

    /// How long to wait for the next ring before looking by itself: what stands in the next segment, or in a lane that somebody
    /// else was just claiming from, rings nobody.
    private static let echo = Duration.milliseconds(20)

    /// - Returns: how long to stay idle before the next claim; nil when something may be there.
    private mutating func lookForDue() async throws -> Duration? {
        guard let claim = last.take(), claim.foundNothing || nextLook <= .now else { return nil }
        switch try await runtime.source.lookForDue(in: runtime.entry) {
        case .lookAgain: nextLook = .now + Self.longestUnlooked(runtime.poll)
        case .wait(let due):
            nextLook = .now + Self.longestUnlooked(due ?? runtime.poll)
            guard claim.foundNothing else { return nil }
            let longest = patience.next(isDeaf: runtime.source.isDeaf)
            return min(due ?? runtime.poll, claim.wait ?? runtime.poll, longest)
        case .over: runtime.stop()
        }
        return nil
    }

    private static func longestUnlooked(_ pause: Duration) -> Duration { min(pause, .seconds(1)) }
}

extension Broker.Claim {
    /// Whether it brought few, and all that there was, as far as could be seen: then it is no use to claim again before the next
    /// message rings.
    func hasCaughtUp(askingFor limit: Int) -> Bool {
        1...3 ~= messages.count && messages.count < limit && !isIncomplete
    }
}

extension StepRuntime {
    /// A claim, or a commit, waits for company.
    func noteLinger() {
        metrics.linger()
        journal.record(.lingered(queue))
    }

    /// Of receiving: the wait for a ring, that of an open breaker, and the statements.
    fileprivate var longestRound: Duration { poll * 2 + broker.longestCall }

    /// Claims, at once or after having been idle; with how long the claim itself took.
    fileprivate func claim(_ limit: Int, after idle: Duration?) async throws -> (Broker.Claim, Duration) {
        guard let idle else { return try await claim(limit) }
        return try await source.host {
            await bell.wait(atMost: idle)
            return try await claim(limit)
        }
    }

    private func claim(_ limit: Int) async throws -> (Broker.Claim, Duration) {
        guard let allowed = await admitted(), !isStopping else { return (Broker.Claim(isIncomplete: true), .zero) }
        let start = ContinuousClock.now
        var mayHaveClaimed = true
        defer { if mayHaveClaimed { countClaim() } }
        let claim = try await source.claim(min(limit, allowed), of: entry, remembering: memory)
        mayHaveClaimed = !claim.messages.isEmpty
        return (claim, .now - start)
    }

    /// What the breaker lets through: nil, after a wait, when it is nothing.
    private func admitted() async -> Int? {
        switch breaker?.admit() ?? .all {
        case .all: return .max
        case .one: return 1
        case .none(let until):
            let pause = until.map { ContinuousClock.now.duration(to: $0) } ?? poll
            await bell.wait(atMost: max(.zero, min(pause, poll)))
            return nil
        }
    }

    fileprivate func note(_ messages: [ReceivedMessage]) {
        breaker?.started()
        journal.record(.received(queue, count: messages.count))
        metrics.take(messages)
    }
}
