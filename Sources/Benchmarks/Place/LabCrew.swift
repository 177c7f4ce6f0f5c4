import Synchronization

extension Lab {
    /// Starts worker processes of a kind, one after the other, and ends them all once `body` has returned.
    func withWorkers<T: Sendable>(
        _ count: Int, _ worker: BenchWorker, on conninfo: String, and started: [LabWorker] = [],
        _ body: @escaping @Sendable ([LabWorker]) async throws -> T
    ) async throws -> T {
        guard started.count < count else { return try await body(started) }
        return try await withWorker(worker, on: conninfo) { one in
            try await withWorkers(count, worker, on: conninfo, and: started + [one], body)
        }
    }
}

extension [LabWorker] {
    /// Waits until all of them together have handled so many messages.
    func handled(_ count: Int, within limit: Duration = .seconds(600)) async throws {
        let totals = Mutex<[Int32: Int]>([:])
        try await reported("\(count) messages to be handled", within: limit) { worker, report in
            guard case .handled(let total) = report else { return false }
            return totals.withLock { totals in
                totals[worker.processID] = total
                return totals.values.reduce(0, +) >= count
            }
        }
    }

    /// Waits until a report of one of them is what is looked for.
    func reported(
        _ what: String, within limit: Duration, _ isIt: @escaping @Sendable (LabWorker, WorkerReport) -> Bool
    ) async throws {
        try await Benchmarks.within(limit, waitingFor: what) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in self {
                    group.addTask {
                        for await report in worker.reports where isIt(worker, report) { return }
                        try Task.checkCancellation()
                        throw BenchmarkFailure("a worker ended while waiting for \(what)")
                    }
                }
                // Whoever sees it tells for all.
                _ = try await group.next()
                group.cancelAll()
            }
        }
    }
}
