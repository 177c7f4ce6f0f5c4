import Postgres
import Testing

@testable import MessageQueue

@Suite("What a queue, a step and a breaker are told to be")
struct SettingsTests {
    @Test("a back-off doubles from its base to its cap, and jitter moves it by its share at the most")
    func backOff() {
        let exact = RetryPolicy(base: .seconds(1), cap: .seconds(10), jitter: 0)
        #expect((1...6).map { exact.backoff(after: $0, draw: 1) } == [1, 2, 4, 8, 10, 10].map { .seconds($0) })
        let loose = RetryPolicy(base: .seconds(1), cap: .seconds(10), jitter: 0.5)
        #expect(loose.backoff(after: 2, draw: -1) == .seconds(1) && loose.backoff(after: 2, draw: 1) == .seconds(3))
        #expect(loose.backoff(after: 32_000, draw: 1) == .seconds(15))
    }

    @Test("a queue is what it was declared as last, but for its lanes and what an operator has limited")
    func again() async throws {
        try await Bench.with(QueueSettings(lanes: 2)) { bench in
            try await bench.broker.limit("shoes", to: QueueLimits(concurrency: 7))
            let settings = QueueSettings(lanes: 5, lease: .seconds(9), retry: RetryPolicy(attempts: 3))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { try await bench.broker.declare(queue: "shoes", settings) } }
                try await group.waitForAll()
            }
            let entry = try await bench.entry()
            #expect(entry.lanes == 2 && entry.lease == .seconds(9) && entry.retry.attempts == 3)
            #expect(entry.limits == QueueLimits(concurrency: 7))
            try await bench.broker.declare(queue: "shoes", QueueSettings(limits: QueueLimits.none))
            #expect(try await bench.entry().limits == QueueLimits.none)
        }
    }

    @Test("a rate without a burst lets a tenth of a second's messages through at once, and one at least")
    func burst() {
        #expect(QueueLimits(rate: 500).pace?.burst == 50)
        #expect(QueueLimits(rate: 3).pace?.burst == 1)
        #expect(QueueLimits(rate: 500, burst: 7).pace?.burst == 7)
        #expect(QueueLimits(concurrency: 3).pace == nil)
    }

    @Test("a worker of a queue that was never declared ends with an error that names it")
    func undeclared() async throws {
        struct Lost: Step {
            let queue = Queue<String>("nowhere")
            func commit(_ batch: [Delivery<String>], in session: borrowing Session) throws {}
        }
        try await Bench.with { bench in
            await #expect(throws: QueueError.unknownQueue("nowhere")) {
                try await Worker("lost", broker: bench.broker, steps: [Lost()]).run()
            }
        }
    }
}
