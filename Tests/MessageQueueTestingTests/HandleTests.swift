import MessageQueue
import MessageQueueTesting
import Postgres
import TestSupport
import Testing

@Suite("Handling exactly so many messages", .timeLimit(.minutes(10)))
struct HandleTests {
    @Test("handling one message leaves the others where they are")
    func one() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1, 2, 3)
            let handled = try await test.handle(next: 1, with: Sort(broker: test.broker))
            #expect(handled.map(\.outcome) == [.done] && handled.map(\.key) == ["p1"] && handled.map(\.attempt) == [1])
            #expect(try await test.sent(to: Depot.arrivals).map(\.state) == [.done, .waiting, .waiting])
            #expect(try await test.sent(to: Depot.shelves).payloads() == [Parcel(weight: 1)])
        }
    }

    @Test("handling several messages hands them over as one batch")
    func batch() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1, 2, 3, 4)
            let sizes = Tally<[Int]>([])
            let step = Sort(broker: test.broker) { batch, _ in sizes.change { $0.append(batch.count) } }
            #expect(try await test.handle(next: 3, with: step).count == 3)
            #expect(sizes.value == [3])
        }
    }

    @Test(
        "handling a message tells each way to fail as what it is",
        arguments: [
            (Disposition.retry, Handled.Outcome.retried(after: .seconds(60))),
            (.retryAfter(.seconds(7)), .retried(after: .seconds(7))),
            (.snooze(.seconds(9)), .released(after: .seconds(9))),
            (.deadLetter(reason: "too-heavy"), .deadLettered(reason: "too-heavy")),
        ])
    func failing(disposition: Disposition, outcome: Handled.Outcome) async throws {
        try await TestBroker.with { test in
            try await test.arrive(1)
            let step = Carry(queue: Depot.arrivals) { _ in throw Trouble(disposition: disposition) }
            let handled = try await test.handle(with: step).only()
            #expect(handled.outcome == outcome && handled.attempt == 1)
            if case .released = outcome {} else { #expect(handled.error == "the belt is stuck") }
        }
    }

    @Test("effects of a handled message whose commit fails are rolled back together with what it sent")
    func rolledBack() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1)
            let step = Sort(broker: test.broker) { [broker = test.broker] batch, session in
                try broker.send([Outgoing(batch[0].payload)], to: Depot.log, in: session)
                throw Trouble()
            }
            #expect(try await test.handle(with: step).count == 1)
            #expect(try await test.sent(to: Depot.log).isEmpty)
        }
    }

    @Test("handling messages of an empty queue, or of one that nobody declared, is an error")
    func nothing() async throws {
        try await TestBroker.with { test in
            await #expect { try await test.handle(with: Sort(broker: test.broker)) } throws: {
                "\($0)".contains("arrivals")
            }
            await #expect(throws: QueueError.unknownQueue("nowhere")) {
                try await test.handle(with: Carry(queue: Queue("nowhere")) { _ in })
            }
        }
    }
}
