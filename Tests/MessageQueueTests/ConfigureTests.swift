import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Queues are made, listed and changed while they are in use")
struct ConfigureTests {
    private struct Refused: Error {}

    @Test("of several who make the same queue at once one makes it, and the others change nothing about it")
    func create() async throws {
        try await Bench.with { bench in
            let made: [Int] = try await withThrowingTaskGroup(of: Int?.self) { group in
                for attempts in 1...6 {
                    group.addTask {
                        let settings = QueueSettings(retry: RetryPolicy(attempts: attempts))
                        let isNew = try await bench.another().create(
                            queue: "boots", settings, labels: ["by": "\(attempts)"])
                        return isNew ? attempts : nil
                    }
                }
                return try await group.compactMap(\.self).reduce(into: []) { $0.append($1) }
            }
            try #require(made.count == 1)
            let entry = try await bench.broker.queue("boots")
            #expect(entry.settings.retry.attempts == made[0] && entry.labels == ["by": "\(made[0])"])
            #expect(entry.createdAt == entry.changedAt)
            try await bench.broker.send("left", to: Queue<String>("boots"))
            #expect(try await bench.broker.receive("boots", lease: .seconds(60)).count == 1)
        }
    }

    @Test("a queue is told as it was declared, with everything that it was declared with")
    func told() async throws {
        let settings = QueueSettings(
            lanes: 3, lease: .milliseconds(1500),
            retry: RetryPolicy(attempts: 4, base: .seconds(1), cap: .seconds(9), jitter: 0.5), priorities: .three,
            retention: .seconds(600), delay: .milliseconds(1500),
            limits: QueueLimits(concurrency: 5, rate: 2, burst: 3))
        try await Bench.with(settings) { bench in
            let entry = try await bench.broker.queue("shoes")
            #expect(entry.settings == settings && entry.labels == [:] && !entry.isPaused)
            try await bench.broker.pause("shoes")
            #expect(try await bench.broker.queue("shoes").isPaused)
            await #expect(throws: QueueError.unknownQueue("boots")) { try await bench.broker.queue("boots") }
        }
    }

    @Test("queues are listed by prefix and page by page, each once, in the order of their bytes")
    func pages() async throws {
        try await Bench.with { bench in
            for name in ["b-2", "B-1", "b-1", "b-10", "a_b"] {
                _ = try await bench.broker.create(queue: QueueName(name))
            }
            var pages: [[String]] = []
            var last: QueueName?
            repeat {
                let page = try await bench.broker.queues(prefix: "b-", after: last, limit: 2)
                pages.append(page.map(\.queue.text))
                last = page.last?.queue
            } while last != nil
            #expect(pages == [["b-1", "b-10"], ["b-2"], []])
            #expect(try await bench.broker.queues().map(\.queue.text) == ["B-1", "a_b", "b-1", "b-10", "b-2", "shoes"])
            #expect(try await bench.broker.queues(prefix: "b_").isEmpty, "no character stands for others")
            await #expect(throws: QueueError.self) { try await bench.broker.queues(limit: 0) }
        }
    }

    @Test("of many who change one setting each at the same time nobody undoes what another one did")
    func change() async throws {
        try await Bench.with { bench in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<10 {
                    group.addTask {
                        try await bench.another().change(queue: "shoes") { entry in
                            entry.labels["\(number)"] = "set"
                            entry.settings.retry.attempts += 1
                        }
                    }
                }
                try await group.waitForAll()
            }
            let entry = try await bench.broker.queue("shoes")
            #expect(entry.labels.count == 10 && entry.settings.retry.attempts == 20)
            #expect(entry.changedAt > entry.createdAt)
        }
    }

    @Test("a changed retention and changed limits hold at once, for who receives by hand in another process")
    func takesEffect() async throws {
        try await Bench.with { bench in
            let other = bench.another()
            try await bench.send(4)
            #expect(try await other.receive("shoes", lease: .seconds(60)).count == 1)
            try await bench.broker.change(queue: "shoes") { $0.settings.limits = QueueLimits(concurrency: 2) }
            #expect(try await other.receive("shoes", limit: 4, lease: .seconds(60)).count == 1)
            try await bench.broker.change(queue: "shoes") { entry in
                entry.settings.limits = QueueLimits.none
                entry.settings.retention = .milliseconds(1)
            }
            // They were sent several round trips ago.
            #expect(try await other.receive("shoes", limit: 4, lease: .seconds(60)).isEmpty)
            #expect(try await bench.statistics().outdated == 2)
        }
    }

    @Test("a change that is refused, by its maker or by the engine, leaves everything as it was")
    func refused() async throws {
        try await Bench.with { bench in
            let before = try await bench.broker.queue("shoes")
            let changes: [@Sendable (inout QueueEntry) throws -> Void] = [
                { $0.settings.lease = .zero }, { $0.settings.lanes = 3 }, { $0.settings.priorities = .three },
                { $0.settings.order = .skipOnFailure },
                { $0.labels["long"] = String(repeating: "x", count: MessageLimits.headerBytes) },
                { entry in
                    entry.labels["a"] = "b"
                    throw Refused()
                },
            ]
            for change in changes {
                await #expect(throws: (any Error).self) { try await bench.broker.change(queue: "shoes", change) }
            }
            let unchanged = try await bench.broker.change(queue: "shoes") { _ in }
            #expect(unchanged == before)
            #expect(try await bench.broker.queue("shoes") == before)
            await #expect(throws: QueueError.unknownQueue("boots")) {
                try await bench.broker.change(queue: "boots") { _ in }
            }
            await #expect(throws: QueueError.invalidName("-")) { try await bench.broker.create(queue: "-") }
        }
    }
}
