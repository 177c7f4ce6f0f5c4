import Foundation
import MessageQueue
import MessageQueueTesting
import Postgres
import TestSupport
import Testing

@Suite("Virtual time passes at once, and for everything", .timeLimit(.minutes(10)))
struct ClockTests {
    @Test("a delayed message becomes due exactly when its delay is over, not a moment before")
    func delays() async throws {
        try await TestBroker.with { test in
            try await test.broker.send([Outgoing(Parcel(weight: 1), delay: .seconds(300))], to: Depot.log)
            let step = Carry(queue: Depot.log) { _ in }
            // The test's own seconds pass as well; they fit into this minute.
            try await test.advance(by: .seconds(240))
            #expect(try await test.drain([step]).handled.isEmpty)
            try await test.advance(by: .seconds(60))
            #expect(try await test.drain([step]).done() == 1)
        }
    }

    @Test("as virtual time passes leases end, with the attempt counted, and messages and dead letters grow old")
    func leases() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1)
            let held = try await test.broker.receive("arrivals", lease: .seconds(3600))
            try await test.advance(by: .seconds(3500))
            #expect(try await test.sent(to: Depot.arrivals).map(\.state) == [.inFlight])
            try await test.advance(by: .seconds(101))
            await #expect(throws: QueueError.self) { try await test.broker.complete(held) }
            let bury = Carry(queue: Depot.arrivals) { parcel in
                #expect(parcel.attempt == 2 && -parcel.sentAt.timeIntervalSinceNow > 3600)
                throw Trouble(disposition: .deadLetter(reason: "late"))
            }
            #expect(try await test.drain([bury]).deadLettered() == 1)
            try await test.advance(by: .seconds(7200))
            #expect(try await test.broker.redrive(DeadLetterFilter(olderThan: .seconds(7000))).moved == 1)
        }
    }

    @Test("keys that are sent once expire as virtual time passes")
    func keys() async throws {
        try await TestBroker.with { test in
            func send() async throws -> Int {
                try await test.broker.sendOnce(
                    [Outgoing(Parcel(weight: 1))], to: Depot.log, by: { _ in "the one" }, within: .seconds(3600))
            }
            #expect(try await send() == 1)
            try await test.advance(by: .seconds(3500))
            #expect(try await send() == 0)
            try await test.advance(by: .seconds(101))
            #expect(try await send() == 1)
        }
    }

    @Test("a worker is told of what has become due in virtual time, and keeps what it holds; one that is gone doesn't")
    func workers() async throws {
        try await TestBroker.with { test in
            let (signals, signal) = AsyncStream.makeStream(of: Int.self)
            let gate = Places(0)
            let step = Carry(queue: Depot.log) { parcel in
                signal.yield(parcel.payload.weight)
                if parcel.payload.weight == 1 { await gate.take() }
            }
            let worker = Worker(
                "w", broker: test.broker, steps: [step], options: WorkerOptions(poll: .seconds(3600)))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                var seen = signals.makeAsyncIterator()
                try await test.broker.send([Outgoing(Parcel(weight: 1))], to: Depot.log)
                #expect(await seen.next() == 1)
                try await test.broker.send([Outgoing(Parcel(weight: 2), delay: .seconds(900))], to: Depot.log)
                try await test.advance(by: .seconds(900))
                #expect(await seen.next() == 2)
                #expect(try await test.sent(to: Depot.log).map(\.attempt) == [1, 1])
                await #expect(throws: TestError.self) { try await test.drain([step]) }
                gate.giveBack()
                try await eventually("both are done") {
                    try await test.sent(to: Depot.log).allSatisfy { $0.state == .done }
                }
                group.cancelAll()
            }
        }
    }

    @Test("virtual time doesn't pass backward")
    func backward() async throws {
        try await TestBroker.with { test in
            await #expect(throws: QueueError.self) { try await test.advance(by: .seconds(-1)) }
        }
    }
}
