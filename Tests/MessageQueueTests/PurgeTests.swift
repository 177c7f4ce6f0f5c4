import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("What waits in a queue is deleted, and nothing else")
struct PurgeTests {
    private let queue: QueueName = "shoes"
    private let hour = Duration.seconds(3600)

    @Test(
        "what waits, what is not due and what is retried later goes; what is in flight, done or dead stays, and is counted"
    )
    func purge() async throws {
        try await Bench.with { bench async throws in
            try await bench.send(6)
            let held = try await bench.broker.receive(queue, limit: 4, lease: hour)
            try await bench.broker.complete([held[0]])
            try await bench.broker.deadLetter([.init(held[1], reason: "r", error: nil)])
            try await bench.broker.retry([.init(held[2], after: hour, error: "later")])
            try await bench.broker.send([Outgoing(Shoe(size: 9), delay: hour)], to: bench.shoes)
            #expect(try await bench.broker.purge(waitingIn: queue) == 4)
            let statistics = try await bench.statistics()
            #expect(statistics.depth == 0 && statistics.inFlight == 1 && statistics.dead == 1 && statistics.purged == 4)
            #expect(statistics.scheduled + statistics.retrying == 0)
            try await bench.broker.complete([held[3]])
            try await bench.send(1, from: 50)
            #expect(try await bench.broker.receive(queue, limit: 10, lease: hour).count == 1)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "a paused queue is purged and stays paused; the trace tells what became of the messages, and the record who did it"
    )
    func paused() async throws {
        try await Bench.with { bench async throws in
            try await bench.send(30)
            try await bench.broker.pause(queue)
            try await bench.broker.retire(.init(keep: hour, rotate: .zero))
            try await bench.send(20, from: 100)
            let sum = try await Operator("ada", via: "desk").act { try await bench.broker.purge(waitingIn: queue) }
            #expect(sum == 50)
            #expect(try await bench.statistics().isPaused)
            #expect(try await bench.broker.trace("k100").map(\.outcome) == [.purged])
            let found = try await bench.broker.find(MessageSearch(.queue(queue), outcome: .purged), limit: 100)
            #expect(found.entries.count == 50)
            let action = try #require(try await bench.broker.operatorActions().first)
            #expect(action.verb == .purgeQueue && action.messages == 50 && action.by?.name == "ada")
            #expect(action.standing == .ended)
            try await bench.broker.resume(queue)
            try await bench.send(1, from: 200)
            #expect(try await bench.receive().count == 1)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "in a queue that keeps order what is held back goes with its block, and the next message waits for what is in flight"
    )
    func order() async throws {
        try await Bench.with(QueueSettings(lanes: 1, order: .blockOnFailure)) { bench async throws in
            let messages = (0..<4).map { Outgoing(Shoe(size: $0), key: "same") }
            try await bench.broker.send(messages, to: bench.shoes)
            let held = try await bench.broker.receive(queue, limit: 1, lease: hour)
            #expect(try await bench.broker.purge(waitingIn: queue) == 3)
            try await bench.broker.send([Outgoing(Shoe(size: 9), key: "same")], to: bench.shoes)
            #expect(try await bench.broker.receive(queue, lease: hour) == [], "the first is still in flight")
            try await bench.broker.deadLetter(held.map { .init($0, reason: "r", error: "stuck") })
            #expect(try await bench.broker.receive(queue, lease: hour) == [], "the key is blocked")
            #expect(try await bench.broker.purge(waitingIn: queue) == 2)
            #expect(try await bench.statistics().blockedKeys == 0)
            try await bench.broker.send([Outgoing(Shoe(size: 10), key: "same")], to: bench.shoes)
            #expect(try await bench.broker.receive(queue, lease: hour).count == 1)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("while others send and receive, each message is either handled or purged")
    func contended() async throws {
        try await Bench.with { bench async throws in
            async let sent: Void = { for n in 0..<20 { try await bench.send(50, from: n * 50) } }()
            async let purged = { () async throws -> Int in
                var sum = 0
                for _ in 0..<10 { sum += try await bench.broker.purge(waitingIn: queue) }
                return sum
            }()
            var handled = 0
            for _ in 0..<20 {
                let received = try await bench.broker.receive(queue, limit: 40, lease: hour)
                try await bench.broker.complete(received)
                handled += received.count
            }
            try await sent
            let rest = try await purged + bench.broker.purge(waitingIn: queue)
            #expect(handled + rest == 1000)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a queue that isn't there can't be purged, and nothing is recorded")
    func unknown() async throws {
        try await Bench.with { bench async throws in
            await #expect(throws: QueueError.unknownQueue("lost")) { try await bench.broker.purge(waitingIn: "lost") }
            #expect(try await bench.broker.operatorActions().isEmpty)
        }
    }
}
