import Foundation
import MessageQueue
import Synchronization

/// The two workers of a soak: one that stays, and one that is ended and killed, and started again.
final class SoakCrew: Sendable {
    private let plan: SoakPlan
    private let conninfo: String
    private let traffic: Traffic
    private let delays = Mutex<[Double]>([])
    private let living = Mutex<Set<Int32>>([])

    init(plan: SoakPlan, conninfo: String, traffic: Traffic) {
        self.plan = plan
        self.conninfo = conninfo
        self.traffic = traffic
    }

    /// The processes that live now.
    var workers: Set<Int32> { living.withLock { $0 } }

    /// From commit to handler start, of the messages begun since this was asked last.
    func takeDelays() -> [Double] {
        delays.withLock { delays in
            defer { delays = [] }
            return delays
        }
    }

    /// What goes on, each until it is cancelled.
    func tasks(in lab: Lab) -> [@Sendable () async throws -> Void] {
        [{ try await self.work(in: lab, for: .infinity, isKilled: false) }, { try await self.workBrokenly(in: lab) }]
    }

    private func workBrokenly(in lab: Lab) async throws {
        let start = ContinuousClock.now
        for restart in plan.restarts {
            try await work(in: lab, for: restart.at - start.secondsUntilNow, isKilled: restart.isKilled)
        }
        try await work(in: lab, for: .infinity, isKilled: false)
    }

    private func work(in lab: Lab, for seconds: Double, isKilled: Bool) async throws {
        let worker = BenchWorker(queue: Workload.queue.name, work: .effect, keep: plan.keep, rotate: plan.rotate)
        try await lab.withWorker(worker, on: conninfo) { worker in
            self.living.withLock { _ = $0.insert(worker.processID) }
            defer { self.living.withLock { _ = $0.remove(worker.processID) } }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await self.observe(worker) }
                group.addTask { try await Task.sleep(for: .seconds(min(max(0, seconds), 1e6))) }
                // Only the time is awaited; a worker that ends by itself is a failure that shows in the check.
                try await group.next()
                if isKilled { worker.signal(SIGKILL) }
                group.cancelAll()
            }
        }
    }

    private func observe(_ worker: LabWorker) async {
        for await case .began(let id, let time) in worker.reports {
            guard let delay = traffic.delay(of: id, until: time) else { continue }
            delays.withLock { $0.append(delay) }
        }
    }
}
