import Logging
import Postgres
import Synchronization

/// Where callers wait who find nothing: a line for each subject, such as a queue, with one clerk who looks for all in it.
///
/// So however many wait, the database is asked by one of them for each subject. A clerk who knows when to look next stays until then,
/// also when nobody waits any more: whoever comes meanwhile, as most do who have just gone with nothing, need not ask either.
final class WaitingRoom<Subject: Hashable & Sendable, Found: Sendable>: Sendable {
    /// Looks for whoever waits for a subject, until nobody does.
    typealias Clerk = @Sendable (Subject, WaitingRoom<Subject, Found>, Broker, Bell) async -> Void

    private struct Counter {
        var line = WaitingLine<Found>()
        let bell = Bell()
        /// The clerk rests after a look that found nothing, and whatever comes before he looks again rings.
        var isQuiet = false

        /// Nobody waits, and nothing is known.
        var isAbandoned: Bool { line.isEmpty && !isQuiet }
    }

    private struct State {
        var counters: [Subject: Counter] = [:]
        var callers = 0
    }

    private let state = Mutex(State())
    private let clerk: Clerk

    init(clerk: @escaping Clerk) { self.clerk = clerk }

    /// How long a caller whose time has passed waits for the end of the look that is made on its behalf.
    private static var grace: Duration { .seconds(1) }

    /// Whether somebody waits for this subject.
    func isWaited(for subject: Subject) -> Bool { count(for: subject) > 0 }

    /// Whether nothing is there, as far as anybody can know: somebody waits for it, or nothing has rung since the last look.
    func isKnownEmpty(_ subject: Subject) -> Bool { state.withLock { $0.counters[subject]?.isAbandoned == false } }

    /// How many wait for this subject.
    func count(for subject: Subject) -> Int { state.withLock { $0.counters[subject]?.line.count ?? 0 } }

    /// How many wait, whatever for.
    var count: Int { state.withLock { $0.counters.values.reduce(0) { $0 + $1.line.count } } }

    /// Waits for messages, for so long at the most.
    ///
    /// - Throws: `CancellationError`, or what kept the last look from an answer.
    func wait(
        for subject: Subject, _ wish: WaitingWish, atMost limit: Duration, with broker: Broker
    ) async throws -> [Found] {
        let caller = state.withLock { state in
            state.callers += 1
            return state.callers
        }
        async let _: Void = expire(caller, of: subject, after: limit)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                join(caller, subject, wish, with: broker) { continuation.resume(with: $0) }
                // The cancellation may have come before there was anybody to leave.
                if Task.isCancelled { leave(caller, of: subject, with: .failure(CancellationError())) }
            }
        } onCancel: {
            leave(caller, of: subject, with: .failure(CancellationError()))
        }
    }

    private func join(
        _ caller: Int, _ subject: Subject, _ wish: WaitingWish, with broker: Broker,
        _ answer: @escaping WaitingLine<Found>.Answer
    ) {
        let bell = state.withLock { state -> Bell? in
            let isNew = state.counters[subject] == nil
            state.counters[subject, default: Counter()].line.join(caller, wish, answer)
            return isNew ? state.counters[subject]?.bell : nil
        }
        guard let bell else { return }
        // Awaited by nobody: it ends once nobody stands in the line. Detached, since it looks for others too.
        Task.detached { [self] in await clerk(subject, self, broker, bell) }
    }

    private func expire(_ caller: Int, of subject: Subject, after limit: Duration) async {
        guard (try? await Task.sleep(for: limit)) != nil else { return }
        let over = change(subject) { $0.expire(caller) } ?? nil
        if let over { return over.answer(over.outcome) }
        guard (try? await Task.sleep(for: Self.grace)) != nil else { return }
        leave(caller, of: subject, with: .success([]))
    }

    private func leave(_ caller: Int, of subject: Subject, with outcome: WaitingLine<Found>.Outcome) {
        let answer = change(subject) { $0.leave(caller) } ?? nil
        answer?(outcome)
    }

    /// The clerk is told at once when nobody needs him any more.
    private func change<T>(_ subject: Subject, _ body: (inout WaitingLine<Found>) -> T) -> T? {
        let (value, bell) = state.withLock { state -> (T?, Bell?) in
            guard let bell = state.counters[subject]?.bell else { return (nil, nil) }
            let value = body(&state.counters[subject, default: Counter()].line)
            return (value, state.counters[subject]?.isAbandoned == true ? bell : nil)
        }
        bell?.ring()
        return value
    }

    // MARK: What the clerk does

    /// Nil when nobody waits any more: the line is gone, and so is its clerk.
    func serveNext(of subject: Subject) -> (caller: Int, wish: WaitingWish)? {
        state.withLock { state in
            state.counters[subject]?.isQuiet = false
            let next = state.counters[subject]?.line.serveNext()
            if next == nil { state.counters[subject] = nil }
            return next
        }
    }

    /// Nothing is there, and whatever comes until the next ``serveNext(of:)`` rings. Who comes meanwhile waits for that.
    func fallQuiet(_ subject: Subject) { state.withLock { $0.counters[subject]?.isQuiet = true } }

    /// - Returns: whether there are messages that nobody waits for any more.
    func finish(_ caller: Int, of subject: Subject, with outcome: WaitingLine<Found>.Outcome) -> Bool {
        guard let end = change(subject, { $0.finish(caller, with: outcome) }) else { return false }
        end.answer?(outcome)
        return end.areUnclaimed
    }

    /// Nobody in this line can be served.
    private func sendAway(from subject: Subject, because error: any Error) {
        for answer in change(subject, { $0.leaveAll() }) ?? [] { answer(.failure(error)) }
    }

    /// A look has failed. What may pass is tried again; with anything else nobody in the line can be served.
    ///
    /// - Returns: how long to rest before the next look.
    func rest(after error: any Error, for caller: Int, of subject: Subject, _ logger: Logger) -> Duration {
        let mayPass = (error as? PostgresError).map { $0.isRetryable || $0.isConnectionTrouble } ?? false
        guard mayPass else {
            sendAway(from: subject, because: error)
            return .zero
        }
        logger.info(
            "could not look for those who wait, trying again", metadata: ["subject": "\(subject)", "error": "\(error)"])
        _ = finish(caller, of: subject, with: .failure(error))
        return .milliseconds(200) * Double.random(in: 0.8...1.2)
    }
}
