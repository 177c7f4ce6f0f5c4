import Durations
public import Postgres

/// Something a worker can run on a queue: a ``Step`` or a ``PreparingStep``.
public protocol WorkerStep: Sendable {
    /// The queue that the step works on.
    var queueName: QueueName { get }
    /// How the step is run.
    var options: StepOptions { get }
    /// How a worker runs it. Nothing to write or to call: both kinds of step have one, and no other one can be made.
    var runner: StepRunner { get }
}

/// How a worker runs a step of a certain kind; see ``WorkerStep/runner``. Public only since a requirement of a public protocol has to
/// be: programs can neither make one nor run it.
public struct StepRunner: Sendable {
    /// Until the runtime stops and what was claimed is settled.
    package let run: @Sendable (StepRuntime) async -> Void
}

/// How a step is run. What lies outside of its range, ``Worker/run()`` refuses.
public struct StepOptions: Sendable {
    /// The most messages taken, and committed, at once; from 1 to 32,000. Nil: 1,000 for a ``Step``, 200 for a ``PreparingStep``.
    public var batch: Int?
    /// How many messages are prepared at once; for steps that only write, how many batches are committed at once. From 1 to
    /// 100,000. Nil: 3 for a ``Step``, 128 for a ``PreparingStep``.
    public var concurrency: Int?
    /// The longest that preparing one message may take; then it has failed. From a millisecond to 366 days.
    public var limit: Duration
    /// Of use for steps that talk to a third party; nil goes on trying whatever happens.
    public var breaker: CircuitBreaker?

    /// Options; each has a value that suits most steps.
    public init(
        batch: Int? = nil, concurrency: Int? = nil, limit: Duration = .seconds(15), breaker: CircuitBreaker? = nil
    ) {
        self.batch = batch
        self.concurrency = concurrency
        self.limit = limit
        self.breaker = breaker
    }

    /// - Throws: ``QueueError/invalidSettings(_:)`` for the first that lies outside of its range.
    package func check(of queue: QueueName) throws {
        let whose = "of the step on queue \(queue)"
        if let batch { try QueueError.demand("batch \(whose)", batch, in: 1...Broker.largestClaim) }
        if let concurrency { try QueueError.demand("concurrency \(whose)", concurrency, in: 1...100_000) }
        try QueueError.demand("limit \(whose)", limit, in: SettingRange.intervals)
        guard let breaker else { return }
        try QueueError.demand("breaker.threshold \(whose)", breaker.threshold, in: 1...1_000_000)
        try QueueError.demand("breaker.pause \(whose)", breaker.pause, in: SettingRange.intervals)
        try QueueError.demand("breaker.cap \(whose)", breaker.cap, in: breaker.pause...Duration.longest)
    }
}

/// A step that needs nothing but the database.
///
/// ```swift
/// struct CountVisits: Step {
///     let queue = Queue<Visit>("visits")
///     func commit(_ batch: [Delivery<Visit>], in session: borrowing Session) throws {
///         try session.execute("UPDATE site SET visits = visits + $1", batch.count)
///     }
/// }
/// ```
public protocol Step: WorkerStep {
    /// What the messages of the queue carry.
    associatedtype Payload: Codable & Sendable
    /// The queue that the step works on.
    var queue: Queue<Payload> { get }

    /// Makes the effects of a batch, set by set, and sends what follows from it. The engine adds the completions, and
    /// commits all of it together or nothing.
    ///
    /// May be called again with parts of the same batch, when its commit failed: nothing outside of `session` may change.
    func commit(_ batch: [Delivery<Payload>], in session: borrowing Session) throws
}

/// A step that talks to a third party before it writes.
public protocol PreparingStep: WorkerStep {
    /// What the messages of the queue carry.
    associatedtype Payload: Codable & Sendable
    /// What `prepare` hands to `commit`, such as the answer of a third party.
    associatedtype Prepared: Sendable
    /// The queue that the step works on.
    var queue: Queue<Payload> { get }

    /// Does what takes time, with no transaction open; many messages are prepared at once.
    ///
    /// May be called again for the same message: give the third party an idempotency key.
    func prepare(_ delivery: Delivery<Payload>) async throws -> Prepared

    /// As ``Step/commit(_:in:)``, for messages that are prepared.
    func commit(_ batch: [PreparedDelivery<Payload, Prepared>], in session: borrowing Session) throws
}

extension Step {
    /// The name of ``queue``.
    public var queueName: QueueName { queue.name }
    /// The defaults of ``StepOptions``.
    public var options: StepOptions { StepOptions() }
    /// Each claim is a batch, and each batch a transaction.
    public var runner: StepRunner { StepRunner { await StepRun(self, in: $0).run() } }
}

extension PreparingStep {
    /// The name of ``queue``.
    public var queueName: QueueName { queue.name }
    /// The defaults of ``StepOptions``.
    public var options: StepOptions { StepOptions() }
    /// Each message is prepared by itself; those that are ready are committed together.
    public var runner: StepRunner { StepRunner { await PreparingStepRun(self, in: $0).run() } }
}
