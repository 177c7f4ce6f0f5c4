import Foundation
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

    @Test("of a message that waits again it is told when it was received first, and nothing of one that never was")
    func firstReception() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            #expect(try await bench.broker.peek(queue).map(\.firstReceivedAt) == [nil])
            let first = try await bench.broker.receive(queue, lease: .seconds(60))
            let time = try #require(first.first?.firstReceivedAt)
            for attempt in 2...3 {
                let held =
                    attempt == 2 ? first : try await bench.broker.receive(queue, lease: .seconds(60))
                try await bench.broker.retry(held.map { .init($0, after: .zero, error: "again") })
                try await bench.promoteAll()
                let waiting = try await bench.broker.peek(queue)
                #expect(waiting.map(\.attempt) == [attempt])
                let told = try #require(waiting.first?.firstReceivedAt)
                #expect(abs(told.timeIntervalSince(time)) < 0.001)
            }
        }
    }

    @Test("what is past the queue's retention is not seen: neither in front of younger messages, nor alone")
    func outdated() async throws {
        try await Bench.with(QueueSettings(lanes: 1, retention: .seconds(3600))) { bench in
            try await bench.send(3)
            try await bench.database.execute("UPDATE mq.messages SET sent_at = sent_at - interval '2 hours'")
            #expect(try await bench.broker.peek(queue, limit: 10).isEmpty)
            try await bench.send(2, from: 7)
            #expect(try await sizes(bench, 1) == [7])
            #expect(try await sizes(bench, 10) == [7, 8])
            #expect(try await bench.statistics().outdated == 0, "to look drops nothing")
            #expect(try await bench.broker.receive(queue, limit: 10, lease: .seconds(60)).count == 2)
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
