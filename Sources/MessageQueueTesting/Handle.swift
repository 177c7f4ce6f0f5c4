public import MessageQueue

extension TestBroker {
    /// Runs the next messages of a step's queue through the step, so many, and tells what became of each.
    ///
    /// They are taken as a worker takes them: what is due is there, and as many as the step's options allow make one batch.
    /// A queue keeps the order of its messages within a lane; declare it with one lane where a test asks for more.
    /// - Parameters:
    ///   - count: how many messages, at the least one.
    ///   - step: what handles them, with its own options.
    ///   - limit: the longest this may take, in real time.
    /// - Throws: ``TestError/nothingToHandle(_:)`` when there is none; ``TestError/limitReached(_:open:)``.
    public func handle(
        next count: Int = 1, with step: some WorkerStep, limit: Duration = .seconds(120)
    ) async throws -> [Handled] {
        let entries = try await entries(of: [step])
        let handled = try await within(limit, entries) { run in
            try await wake(entries)
            return try await run.handle(step, entries[0], atMost: count)
        }
        guard !handled.isEmpty else { throw TestError.nothingToHandle(step.queueName) }
        return handled
    }

    /// Brings back what is due, and what was held by consumers that are gone or by leases that have ended.
    ///
    /// Leaves nothing due behind: whoever holds every lane is waited for.
    func wake(_ entries: [Catalogue.Entry]) async throws {
        try await rescue(entries)
        for entry in entries {
            try await noteDelays(of: entry)
            try await promoteDue(entry)
        }
    }

    private func promoteDue(_ entry: Catalogue.Entry) async throws {
        repeat {
            while try await broker.promote(entry, on: database).moved > 0 {}
            guard try await isDue(entry) else { return }
            // Others hold every lane. There is no signal for one that becomes free: who holds it may roll back.
            try await Task.sleep(for: .milliseconds(20))
        } while true
    }
}
