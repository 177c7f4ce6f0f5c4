import Logging
import Metrics
import Postgres
import Synchronization
import Tracing

/// What the parts of a running step share: its queue, where claims come from, whom to tell, and when to stop.
package final class StepRuntime: Sendable {
    package let broker: Broker
    let source: any ClaimSource
    package let memory = ClaimMemory()
    let journal: WorkerJournal
    let metrics: StepMetrics
    let tracing: StepTracing
    let middleware: MiddlewareChain
    let breaker: Breaker?
    /// Rung when there may be something to claim, and when the step stops.
    let bell = Bell()
    let poll: Duration
    /// What its tasks are called at the watchdog.
    let preparing, settling: String
    let onPhase: (@Sendable (StepPhase) -> Void)?
    private let known: Mutex<Catalogue.Entry>
    private let drainLimit: Duration
    private let stoppedAt = Mutex<ContinuousClock.Instant?>(nil)
    private let claims = Atomic<Int>(0)

    init(
        broker: Broker, source: any ClaimSource, entry: Catalogue.Entry, breaker: CircuitBreaker?,
        journal: WorkerJournal, options: WorkerOptions
    ) {
        self.broker = broker
        self.source = source
        self.queue = entry.name
        self.known = Mutex(entry)
        self.journal = journal
        self.metrics = StepMetrics(of: entry.name)
        self.tracing = StepTracing(of: entry.name)
        self.middleware = MiddlewareChain(options.middleware)
        self.poll = options.poll
        preparing = "prepare \(entry.name)"
        settling = "settle \(entry.name)"
        self.drainLimit = options.drainLimit
        self.onPhase = options.onPhase
        self.breaker = breaker.map { [bell] settings in
            Breaker(settings, bell: bell) { isOpen, reason in
                journal.record(isOpen ? .breakerOpened(entry.name, error: reason) : .breakerClosed(entry.name))
            }
        }
        if breaker != nil { Metric.breakerOpen.gauge(entry.name.text).record(0) }
        broker.doorbell.attach(bell, to: entry.id)
    }

    /// For a step that runs without a worker.
    package convenience init(
        broker: Broker, source: any ClaimSource, entry: Catalogue.Entry, drainLimit: Duration,
        middleware: [any StepMiddleware]
    ) {
        self.init(
            broker: broker, source: source, entry: entry, breaker: nil,
            journal: WorkerJournal(logger: broker.logger, onEvent: nil),
            options: WorkerOptions(drainLimit: drainLimit, middleware: middleware))
    }

    let queue: QueueName

    /// The queue as last read: with its present settings, or another one of this name, where the database was made anew.
    package var entry: Catalogue.Entry {
        let (entry, before) = known.withLock { known in
            let before = known
            known = broker.catalogue.known(queue) ?? before
            return (known, before)
        }
        if !entry.isSame(as: before) { move(from: before, to: entry) }
        return entry
    }

    private func move(from before: Catalogue.Entry, to entry: Catalogue.Entry) {
        memory.turn(to: entry)
        broker.doorbell.detach(bell, from: before.id)
        broker.doorbell.attach(bell, to: entry.id)
        bell.ring()
    }

    // MARK: Stopping

    var isStopping: Bool { stoppedAt.withLock { $0 != nil } }
    /// After the drain limit nothing is waited for any more.
    var isOutOfTime: Bool { stoppedAt.withLock { $0.map { $0 + drainLimit < .now } ?? false } }

    /// The longest that a transaction may take that begins now: what is left of the drain limit, once the step stops.
    var longestCommit: Duration? {
        stoppedAt.withLock { $0.map { max(.milliseconds(500), ContinuousClock.now.duration(to: $0 + drainLimit)) } }
    }

    /// Nothing more is claimed; what is in flight goes on.
    package func stop() {
        stoppedAt.withLock { $0 = $0 ?? .now }
        bell.ring()
    }

    package func close() { broker.doorbell.detach(bell, from: entry.id) }

    // MARK: Claims

    /// Grows with each claim that may have been made: whether there is anything new to look after.
    var claimCount: Int { claims.load(ordering: .relaxed) }

    func countClaim() { claims.add(1, ordering: .relaxed) }

    /// Before the next try to claim.
    func pause(after error: any Error) async {
        if error is CancellationError { return }
        broker.logger.info(
            "could not receive, trying again", metadata: ["queue": "\(queue)", "error": "\(error)"])
        try? await Task.sleep(for: .milliseconds(200) * Double.random(in: 0.8...1.2))
    }

    // MARK: What observers see

    /// Around the handling of one delivery: log lines and spans in there belong to it.
    func handling<T: Sendable>(
        _ message: ReceivedMessage, sentIn context: ServiceContext?, _ body: (ServiceContext?) async throws -> T
    ) async throws -> T {
        try await Handling.$current.withValue(.one(message)) {
            try await tracing.handling(message, sentIn: context, body)
        }
    }

    /// Around the transaction of a batch.
    func committing<Work: Traced>(_ outcomes: Outcomes<Work>, _ body: () async throws -> Void) async throws {
        try await Handling.$current.withValue(Handling(outcomes.done)) {
            try await tracing.committing(outcomes.done, in: outcomes.work.map(\.trace), as: Work.operation, body)
        }
    }

    // MARK: Verdicts

    /// What becomes of a message that could not be prepared. While the third party is down, the breaker spares it.
    func verdict(on error: any Error, of message: ReceivedMessage) -> Verdict {
        if Task.isCancelled {
            // What ends with the worker's own stop is no failure of the message.
            breaker?.endedOtherwise()
            return .release(after: .zero)
        }
        let verdict = policyVerdict(on: error, of: message)
        guard let breaker else { return verdict }
        if error is UnreadablePayload {
            breaker.endedOtherwise()
            return verdict
        }
        switch error.disposition {
        case .retry, .retryAfter: return breaker.soften(verdict, on: error)
        case .deadLetter, .snooze:
            breaker.succeeded()
            return verdict
        }
    }

    /// What the queue's retry policy, as last read, makes of an error.
    func policyVerdict(on error: any Error, of message: ReceivedMessage) -> Verdict {
        Verdict(on: error, attempt: message.attempt, by: entry.retry, draw: source.draw)
    }
}
