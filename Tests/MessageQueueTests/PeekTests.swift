import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A queue can be looked into")
struct PeekTests {
    private let queue: QueueName = "shoes"

    private func sizes(_ bench: Bench, _ limit: Int) async throws -> Set<Int> {
        Set(
            try await bench.broker.peek(queue, limit: limit).map {
                try Payloads.decode(Shoe.self, from: $0.message.body).size
            })
    }

    @Test("peeking shows what waits and takes nothing: neither what is claimed, nor what is not due, nor an attempt")
    func peek() async throws {
        try await Bench.with { bench in
            try await bench.send(5)
            try await bench.broker.send([Outgoing(Shoe(size: 9), delay: .seconds(3600))], to: bench.shoes)
            let held = try await bench.broker.receive(queue, limit: 2, lease: .seconds(3600))
            let waiting = try await sizes(bench, 10)
            #expect(waiting.count == 3 && !waiting.contains(9))
            #expect(try await bench.broker.peek(queue, limit: 2).count == 2)
            #expect(try await sizes(bench, 10) == waiting)
            #expect(try await bench.broker.peek(queue, limit: 10).allSatisfy { $0.attempt == 1 })
            try await bench.broker.complete(held)
            let rest = try await bench.broker.receive(queue, limit: 10, lease: .seconds(3600))
            #expect(Set(try rest.map { try $0.decoded(as: Shoe.self).payload.size }) == waiting)
            #expect(try await bench.broker.peek(queue) == [])
        }
    }

    @Test("peeking sees what has just become due, in segments before the head as well, and in a paused queue")
    func everywhere() async throws {
        try await Bench.with { bench in
            try await bench.send(2)
            try await bench.broker.retire(.init(keep: .seconds(3600), rotate: .zero))
            try await bench.broker.send([Outgoing(Shoe(size: 9), delay: .seconds(3600))], to: bench.shoes)
            try await bench.database.execute("UPDATE mq.scheduled SET due_at = now()")
            try await bench.broker.pause(queue)
            #expect(try await sizes(bench, 10) == [0, 1, 9])
        }
    }

    @Test("of a queue with priorities the urgent messages are seen first")
    func priorities() async throws {
        try await Bench.with(QueueSettings(lanes: 2, priorities: .three)) { bench in
            for (size, priority) in [(1, Priority.low), (2, .normal), (3, .high)] {
                try await bench.broker.send([Outgoing(Shoe(size: size), priority: priority)], to: bench.shoes)
            }
            let seen = try await bench.broker.peek(queue, limit: 10)
            #expect(try seen.map { try Payloads.decode(Shoe.self, from: $0.message.body).size } == [3, 2, 1])
        }
    }

    @Test("peeking without a limit or into no such queue is refused")
    func nonsense() async throws {
        try await Bench.with { bench in
            await #expect(throws: QueueError.self) { try await bench.broker.peek(queue, limit: 0) }
            await #expect(throws: QueueError.unknownQueue("boots")) { try await bench.broker.peek("boots") }
        }
    }
}
