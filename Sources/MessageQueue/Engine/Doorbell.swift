import Logging
import Postgres
import Synchronization

/// Wakes whoever waits on a queue: this process at once, others by NOTIFY.
///
/// A ring carries nothing and may be lost; everybody who listens also looks now and then. Rings are sent outside of the
/// business transaction, since a NOTIFY makes commits queue up for a lock of the whole database, and without waiting for
/// the disk. Those that come while one is on its way travel together with the next.
final class Doorbell: Sendable {
    /// A message that is due later than this rings nobody: whoever waits looks again in that time anyway.
    static let horizon = Duration.seconds(10)
    /// Rings are at most a thousand a second; fewer while so many would come in a pause that everybody is awake anyway.
    private static let shortestPause = Duration.milliseconds(1)
    private static let longestPause = Duration.milliseconds(4)
    private static let manyRings = 8
    /// A ring that comes later than this rings for nobody: whoever waits has looked meanwhile.
    private static let limit = Duration.seconds(5)
    private static let longestRound = Duration.seconds(30)

    private struct State {
        var pending: Set<Int32> = []
        var rings = 0
        var isRinging = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let bells = Bells<Int32>()
    private let database: Database
    private let watchdog: Watchdog
    private let logger: Logger

    init(_ database: Database, watchdog: Watchdog, logger: Logger) {
        self.database = database
        self.watchdog = watchdog
        self.logger = logger
    }

    static func channel(of queue: Int32) -> String { "mq_\(queue)" }

    /// The number of no queue: rung when an access key is made or changed.
    static let accessKeys: Int32 = 0

    func ring(_ queues: [Int32]) {
        guard !queues.isEmpty else { return }
        let mustDrive = state.withLock { state in
            state.pending.formUnion(queues)
            state.rings += 1
            defer { state.isRinging = true }
            return !state.isRinging
        }
        for queue in queues { bells.ring(queue) }
        // Awaited by nobody: it ends once no ring is pending, and a ring may be lost. Detached, since it rings for others too,
        // and what it logs belongs to no delivery.
        if mustDrive { Task.detached { await self.drive() } }
    }

    /// Rings the bells of this process only, for a NOTIFY that came in.
    func ringHere(_ queue: Int32) { bells.ring(queue) }

    func ringAllHere() { bells.ringAll() }

    func attach(_ bell: Bell, to queue: Int32) { bells.attach(bell, to: queue) }

    func detach(_ bell: Bell, from queue: Int32) { bells.detach(bell, from: queue) }

    private func drive() async {
        let pulse = watchdog.pulse(ofTask: "doorbell")
        var pause = Self.shortestPause
        while let round = next() {
            pause = round.rings < Self.manyRings ? Self.shortestPause : min(pause * 2, Self.longestPause)
            pulse.beat(within: Self.longestRound)
            do {
                try await database.execute(Self.notify, round.queues.map(Self.channel(of:)), within: Self.limit)
            } catch {
                logger.debug("a doorbell was not rung", metadata: ["error": "\(error)"])
            }
            for waiter in round.waiters { waiter.resume() }
            try? await Task.sleep(for: pause)
        }
    }

    /// Returns once every ring so far is out, or has failed: two rounds at the most, however steadily others ring, each of which has
    /// a limit.
    func flush() async {
        await withCheckedContinuation { continuation in
            let isQuiet = state.withLock { state in
                if state.isRinging { state.waiters.append(continuation) }
                return !state.isRinging
            }
            if isQuiet { continuation.resume() }
        }
    }

    /// What is to be rung at once.
    private struct Round {
        var queues: [Int32]
        /// How many rings that stands for.
        var rings: Int
        /// Who waits until they are out.
        var waiters: [CheckedContinuation<Void, Never>]
    }

    /// Nil once nothing is to be rung: what somebody waits for is out already.
    private func next() -> Round? {
        let (round, isLast) = state.withLock { state in
            let round = Round(queues: Array(state.pending), rings: state.rings, waiters: state.waiters)
            state.isRinging = !state.pending.isEmpty
            (state.pending, state.rings, state.waiters) = ([], 0, [])
            return (round, !state.isRinging)
        }
        guard isLast else { return round }
        for waiter in round.waiters { waiter.resume() }
        return nil
    }

    static let notify: Statement = """
        SELECT set_config('synchronous_commit', 'off', true), pg_notify(channel, '') FROM unnest($1::text[]) AS channel
        """
}
