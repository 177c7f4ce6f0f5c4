public import MessageQueue

extension TestBroker {
    /// Runs steps until their queues are empty and nothing is in flight, the messages that follow from each other included.
    ///
    /// The steps themselves run, with their batches, retries and dead letters, one after the other, until a whole round finds
    /// nothing to do. Scheduled messages and retries come when they are due: as much virtual time as you allow may pass
    /// for them, at once and only as much as the last one needs. The steps' own errors are in the report.
    ///
    /// Nothing waits for time or for a worker. Messages in somebody else's hands come back when the leases end or their
    /// consumer is gone.
    /// - Parameters:
    ///   - steps: each on its queue, in this order within a round.
    ///   - horizon: how much virtual time may pass; see ``advance(by:)``. What is due only later stays scheduled.
    ///   - limit: the longest this may take, in real time.
    /// - Throws: ``TestError/limitReached(_:open:)``, when a step hangs or messages beget messages for ever;
    ///   ``TestError/notEmptied(_:)``, when a queue is paused, or a message is held by somebody who lives.
    @discardableResult
    public func drain(
        _ steps: [any WorkerStep], advancingUpTo horizon: Duration = .zero, limit: Duration = .seconds(120)
    ) async throws -> DrainReport {
        let entries = try await entries(of: steps)
        return try await within(limit, entries) { run in
            var report = DrainReport()
            var left = horizon
            repeat {
                var handled = 0
                repeat {
                    let round = try await turn(zip(steps, entries), run)
                    handled = round.count
                    report.handled += round
                } while handled > 0
            } while try await goOn(entries, &left)
            report.elapsed = horizon - left
            return report
        }
    }

    private func turn(_ steps: Zip2Sequence<[any WorkerStep], [Catalogue.Entry]>, _ run: Run) async throws -> [Handled]
    {
        var handled: [Handled] = []
        for (step, entry) in steps {
            try await wake([entry])
            handled += try await run.handle(step, entry, atMost: .max)
        }
        return handled
    }

    /// Whether there may be more to do: something is due, or becomes so within the time that is left, which then passes.
    private func goOn(_ entries: [Catalogue.Entry], _ left: inout Duration) async throws -> Bool {
        let standings = try await standing(of: entries)
        let next = standings.filter { $0.what != nil && !$0.isPaused }.compactMap(\.next).min()
        if let next, next <= left {
            if next > .zero { try await advance(by: next) }
            left -= next
            return true
        }
        let stuck = standings.filter { $0.waiting + $0.inFlight > 0 }
        guard stuck.isEmpty else { throw TestError.notEmptied(stuck.compactMap(\.what)) }
        return false
    }
}

/// What a ``TestBroker/drain(_:advancingUpTo:limit:)`` did.
public struct DrainReport: Sendable, CustomStringConvertible {
    /// Every attempt, in the order in which they were taken.
    public internal(set) var handled: [Handled] = []
    /// The virtual time that passed.
    public internal(set) var elapsed: Duration = .zero

    /// Messages that were done, in one queue or in all.
    public func done(in queue: QueueName? = nil) -> Int { count(in: queue) { $0 == .done } }

    /// Attempts that failed and came, or come, again.
    public func retried(in queue: QueueName? = nil) -> Int {
        count(in: queue) { if case .retried = $0 { true } else { false } }
    }

    /// Attempts that were the last ones, and left a dead letter.
    public func deadLettered(in queue: QueueName? = nil) -> Int {
        count(in: queue) { if case .deadLettered = $0 { true } else { false } }
    }

    /// Attempts that were given back without being counted.
    public func released(in queue: QueueName? = nil) -> Int {
        count(in: queue) { if case .released = $0 { true } else { false } }
    }

    /// The attempts that were not simply done, with the steps' errors.
    public var failures: [Handled] { handled.filter { !$0.isDone } }

    /// - Throws: ``TestError/failed(_:)`` when any attempt was not done, with every error.
    /// - Returns: the report itself.
    @discardableResult
    public func requireAllDone() throws -> DrainReport {
        guard failures.isEmpty else { throw TestError.failed(failures) }
        return self
    }

    /// The counts, a line for each queue.
    public var description: String {
        let queues = Set(handled.map(\.queue)).sorted { $0.text < $1.text }
        let lines = queues.map { queue in
            "\(queue): \(done(in: queue)) done, \(retried(in: queue)) retried, "
                + "\(deadLettered(in: queue)) dead-lettered, \(released(in: queue)) released"
        }
        return (lines.isEmpty ? ["nothing was handled"] : lines).joined(separator: "\n")
    }

    private func count(in queue: QueueName?, _ matches: (Handled.Outcome) -> Bool) -> Int {
        handled.count { (queue == nil || $0.queue == queue) && matches($0.outcome) }
    }
}
