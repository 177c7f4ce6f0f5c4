import Logging
import Postgres
import Synchronization

/// What a running step needs of its worker.
public final class StepRuntime: Sendable {
    package let broker: Broker
    private let intake: any Intake
    package let entry: Catalogue.Entry
    let journal: WorkerJournal
    let times: StepTimes
    let bell = Bell()
    private let poll: Duration
    private let drainLimit: Duration
    private let stoppedAt = Mutex<ContinuousClock.Instant?>(nil)
    private let claims = Atomic<Int>(0)
    package let memory = ClaimMemory()
    let breaker: Breaker?
    let onPhase: (@Sendable (StepPhase) -> Void)?

    init(
        broker: Broker, intake: any Intake, entry: Catalogue.Entry, breaker: CircuitBreaker?, journal: WorkerJournal,
        options: WorkerOptions
    ) {
        self.broker = broker
        self.intake = intake
        self.entry = entry
        self.journal = journal
        self.times = StepTimes(of: entry.name)
        self.poll = options.poll
        self.drainLimit = options.drainLimit
        self.onPhase = options.onPhase
        self.breaker = breaker.map { [bell] settings in
            Breaker(settings, bell: bell) { isOpen, reason in
                journal.record(isOpen ? .breakerOpened(entry.name, error: reason) : .breakerClosed(entry.name))
            }
        }
        broker.doorbell.attach(bell, to: entry.id)
    }

    /// For a step that runs without a worker.
    package convenience init(broker: Broker, intake: any Intake, entry: Catalogue.Entry, drainLimit: Duration) {
        self.init(
            broker: broker, intake: intake, entry: entry, breaker: nil,
            journal: WorkerJournal(logger: broker.logger, onEvent: nil), options: WorkerOptions(drainLimit: drainLimit))
    }

    var queue: QueueName { entry.name }
    var isStopping: Bool { stoppedAt.withLock { $0 != nil } }
    /// After the drain limit nothing is waited for any more.
    var isOutOfTime: Bool { stoppedAt.withLock { $0.map { $0 + drainLimit < .now } ?? false } }
    /// Grows with each claim that may have been made: whether there is anything new to settle.
    var claimCount: Int { claims.load(ordering: .relaxed) }

    /// The queue with its settings as last read.
    package var current: Catalogue.Entry { broker.catalogue.known(entry.id) ?? entry }

    /// What becomes of a message that failed, by the retry policy as last read.
    func judge(_ error: any Error, of message: ReceivedMessage) -> Judgement {
        .judge(error, attempt: message.attempt, by: current.retry, draw: intake.draw)
    }

    package func stop() {
        stoppedAt.withLock { $0 = $0 ?? .now }
        bell.ring()
    }

    package func close() { broker.doorbell.detach(bell, from: entry.id) }

    /// Brings messages until the runtime stops, waiting for them as long as there are none.
    ///
    /// - Parameters:
    ///   - most: the most messages that ever come at once.
    ///   - room: waits for room and takes it; answers how many messages may come.
    ///   - giveBack: told how many of them did not come.
    ///   - handle: takes what came, and gives back the room.
    func pump(
        most: Int, room: () async -> Int, giveBack: (Int) -> Void, handle: ([ReceivedMessage]) -> Void
    ) async {
        var promotion = ContinuousClock.now
        var patience = Patience(longest: poll)
        var linger = Linger(factor: 16, longest: .milliseconds(100))
        var idle: Duration?
        while !isStopping, !Task.isCancelled {
            journal.beat("receive \(queue)")
            let limit = await room()
            let take: Take
            do { take = try await self.take(limit, after: idle.take()) } catch {
                giveBack(limit)
                if !(error is CancellationError) { await recover(from: error) }
                continue
            }
            let messages = take.caught.messages
            giveBack(limit - messages.count)
            if !messages.isEmpty {
                breaker?.started()
                let pause = linger.pause(afterTaking: .now - take.start)
                journal.record(.received(queue, count: messages.count))
                times.pickup(of: messages)
                handle(messages)
                patience.renew()
                // Ends early, by an error, when the worker is told to give up.
                if pause > .zero, messages.count >= Self.worthGathering, messages.count < most {
                    try? await Task.sleep(for: pause)
                }
            }
            let isEmpty = messages.isEmpty && !take.caught.isIncomplete
            guard !isStopping, isEmpty || promotion <= .now else { continue }
            do {
                switch try await intake.lookForMore(runtime: self) {
                case .lookAgain: promotion = .now + min(poll, .seconds(1))
                case .wait(let pause):
                    promotion = .now + min(pause ?? poll, .seconds(1))
                    guard isEmpty else { continue }
                    let longest = patience.next(isDeaf: intake.isDeaf)
                    idle = min(pause ?? poll, take.caught.wait ?? poll, longest)
                case .over: stop()
                }
            } catch {
                if !(error is CancellationError) { await recover(from: error) }
            }
        }
    }

    private struct Take {
        let start: ContinuousClock.Instant
        let caught: Broker.Catch
    }

    /// Claims, at once or after having been idle.
    private func take(_ limit: Int, after idle: Duration?) async throws -> Take {
        guard let idle else { return try await take(limit) }
        return try await intake.host {
            await bell.wait(atMost: idle)
            return try await take(limit)
        }
    }

    private func take(_ limit: Int) async throws -> Take {
        let allowed = await admitted()
        let start = ContinuousClock.now
        guard let allowed, !isStopping else { return Take(start: start, caught: Broker.Catch(isIncomplete: true)) }
        return Take(start: start, caught: try await receive(min(limit, allowed)))
    }

    /// A claim of fewer shows that little is going on: whoever comes next should not wait for company.
    private static let worthGathering = 4

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

    private func receive(_ limit: Int) async throws -> Broker.Catch {
        do {
            let caught = try await intake.claim(limit, runtime: self)
            if !caught.messages.isEmpty { claims.add(1, ordering: .relaxed) }
            return caught
        } catch {
            claims.add(1, ordering: .relaxed)
            throw error
        }
    }

    private func recover(from error: any Error) async {
        broker.logger.info(
            "could not receive, trying again", metadata: ["queue": "\(queue)", "error": "\(error)"])
        try? await Task.sleep(for: .milliseconds(200) * Double.random(in: 0.8...1.2))
    }
}

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
