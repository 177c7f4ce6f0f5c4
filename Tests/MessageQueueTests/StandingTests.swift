import Foundation
import Logging
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("What a desk is told of workers and of outcomes over time")
struct StandingTests {
    private let hour = Duration.seconds(3600)

    @Test("who holds how many messages of which queue, and since when, until they are finished")
    func holdings() async throws {
        try await Bench.with { bench async throws in
            try await bench.send(5)
            let worker = try await bench.receive(3)
            let hand = try await bench.broker.receive("shoes", limit: 2, lease: hour)
            let told = try await bench.broker.holdings()
            #expect(told.map(\.consumer) == [0, bench.consumer] && told.map(\.messages) == [2, 3])
            #expect(told.allSatisfy { $0.queue == "shoes" && $0.since <= Date(timeIntervalSinceNow: 60) })
            try await bench.broker.complete(worker)
            try await bench.broker.complete([hand[0]])
            #expect(try await bench.broker.holdings().map(\.messages) == [1])
            try await bench.broker.complete([hand[1]])
            #expect(try await bench.broker.holdings().isEmpty)
        }
    }

    @Test("how some queues stand is told of these alone, and of those that there are")
    func someQueues() async throws {
        try await Bench.with { bench async throws in
            try await bench.broker.declare(queue: "boots")
            try await bench.send(3)
            let told = try await bench.broker.statistics(ofEach: ["shoes", "none"])
            #expect(told.map(\.queue) == ["shoes"] && told.map(\.depth) == [3])
            #expect(try await bench.broker.statistics(ofEach: []).isEmpty)
        }
    }

    @Test("attempts are counted exactly by the minute, with what became of them, about")
    func outcomes() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench async throws in
            try await bench.send(300)
            try await bench.broker.complete(try await bench.receive(250))
            try await bench.database.execute("UPDATE mq.messages SET appended_at = now() - interval '100 seconds'")
            try await bench.database.execute("UPDATE mq.segments SET opened_at = now() - interval '1 hour'")
            try await bench.send(6, from: 1000)
            let held = try await bench.receive(53)
            try await bench.broker.retry(held[50...51].map { .init($0, after: hour, error: "tight") })
            try await bench.database.execute(
                "UPDATE mq.messages SET appended_at = now() - interval '30 seconds' WHERE appended_at > now() - interval '90 seconds'"
            )
            let steps = try await bench.broker.outcomes(of: "shoes", each: .seconds(60), count: 3)
            #expect(steps.map(\.attempts) == [0, 300, 6])
            #expect(steps[2].count(.retried) == 2 && steps[2].count(.waiting) == 3)
            #expect(steps[2].count(.inFlight) == 1)
            let sum = steps[1].outcomes.values.reduce(0, +)
            #expect(abs(sum - 300) < 0.5, "a sample stands for all: \(steps[1].outcomes)")
            #expect(try await bench.broker.outcomes(of: "lost", each: .seconds(60), count: 3).isEmpty)
            await #expect(throws: QueueError.self) {
                try await bench.broker.outcomes(of: "shoes", each: .zero, count: 3)
            }
        }
    }

    @Test("a breaker that is open is told with the next sign of life, and no longer once it is closed")
    func breakers() async throws {
        let journal = WorkerJournal(logger: .init(label: "test"), onEvent: nil)
        journal.record(.breakerOpened("payment", error: "refused"))
        journal.record(.breakerOpened("refunds", error: "late"))
        journal.record(.breakerClosed("refunds"))
        #expect(journal.breakers.current == ["payment": "refused"])
        try await Bench.with { bench async throws in
            let origin = try await bench.entry().origin
            let headers = try Payloads.encode(headers: journal.breakers.current)
            try await bench.database.execute(Consumer.beat, bench.consumer, origin.home, headers)
            #expect(try await bench.broker.consumers().map(\.breakers) == [["payment": "refused"]])
            try await bench.database.execute(Consumer.beat, bench.consumer, origin.home, JSON?.none)
            #expect(try await bench.broker.consumers().map(\.breakers) == [[:]])
        }
    }
}
