import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A message that waits until it is due can be taken back, or made due at another time")
struct ScheduleTests {
    private let hour = Duration.seconds(3600)

    private func sizes(_ bench: Bench) async throws -> Set<Int> {
        let held = try await bench.broker.receive("shoes", limit: 100, lease: hour)
        return Set(try held.map { try $0.decoded(as: Shoe.self).payload.size })
    }

    /// As another process has it, which got it as a text.
    private func elsewhere(_ receipt: ScheduledReceipt) throws -> ScheduledReceipt {
        try #require(ScheduledReceipt(receipt.description))
    }

    @Test("scheduled messages that wait are answered in order, with when they are due; the others are delivered")
    func answers() async throws {
        try await Bench.with { bench in
            let messages = (0..<6).map { Outgoing(Shoe(size: $0), delay: $0 % 2 == 0 ? nil : .seconds($0 * 60)) }
            let waiting = try await bench.broker.schedule(messages, to: bench.shoes)
            #expect(waiting.map(\.id) == [messages[1].id, messages[3].id, messages[5].id])
            let minutes = waiting.map { $0.dueAt.timeIntervalSince(waiting[0].dueAt) / 60 }
            #expect(minutes == [0, 2, 4])
            #expect(try await sizes(bench) == [0, 2, 4])
            #expect(try await bench.broker.schedule([Outgoing(Shoe(size: 7))], to: bench.shoes) == [])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a scheduled message that any process cancels is never delivered, and cancelled once")
    func cancel() async throws {
        try await Bench.with { bench in
            let waiting = try await bench.broker.schedule(
                (0..<3).map { Outgoing(Shoe(size: $0), delay: hour) }, to: bench.shoes)
            let receipt = try elsewhere(waiting[1].receipt)
            #expect(try await bench.another().cancel(scheduled: receipt))
            #expect(try await bench.broker.cancel(scheduled: receipt) == false)
            #expect(try await bench.broker.reschedule(receipt, to: .zero) == nil)
            #expect(try await bench.statistics().scheduled == 2)
            try await bench.promoteAll()
            #expect(try await sizes(bench) == [0, 2])
            #expect(try await bench.broker.cancel(scheduled: waiting[0].receipt) == false, "it was delivered")
            #expect(try await bench.audit() == [])
        }
    }

    @Test("with another time a message has another receipt, keeps all else, and the receipt before is worth nothing")
    func reschedule() async throws {
        try await Bench.with(QueueSettings(priorities: .sixteen)) { bench in
            let message = Outgoing(
                Shoe(size: 1), key: "k", tag: "t", headers: ["a": "b"], delay: hour, priority: Priority(clamping: 3))
            let first = try await bench.broker.schedule([message], to: bench.shoes)[0]
            let second = try #require(try await bench.another().reschedule(first.receipt, to: hour * 2))
            #expect(second.id == message.id && second.receipt != first.receipt && second.dueAt > first.dueAt)
            #expect(try await bench.broker.cancel(scheduled: first.receipt) == false)
            #expect(try await bench.broker.reschedule(first.receipt, to: .zero) == nil)
            #expect(try await bench.broker.receive("shoes", lease: hour).isEmpty)
            _ = try #require(try await bench.broker.reschedule(second.receipt, to: .zero))
            let held = try await bench.broker.receive("shoes", lease: hour)
            #expect(held.map(\.message.id) == [message.id] && held[0].priority.number == 3 && held[0].attempt == 1)
            let told = held[0].message
            #expect(told.key == "k" && told.tag == "t" && told.headers["a"] == "b")
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "a receipt of another database, or of a queue or ticket that never was, changes nothing; other texts are none")
    func strangers() async throws {
        try await Bench.with { bench in
            let known = try await bench.broker.schedule([Outgoing(Shoe(size: 1), delay: hour)], to: bench.shoes)[0]
                .receipt
            for stranger in [
                ScheduledReceipt(queue: known.queue, ticket: known.ticket, mark: known.mark ^ 1),
                ScheduledReceipt(queue: known.queue, ticket: known.ticket + 1, mark: known.mark),
                ScheduledReceipt(queue: known.queue + 1, ticket: known.ticket, mark: known.mark),
            ] {
                #expect(try await bench.broker.cancel(scheduled: stranger) == false)
                #expect(try await bench.broker.reschedule(stranger, to: .zero) == nil)
            }
            for text in ["", "s", "s.1.2", "s.1.2.3.4", "1.2.3.4", "s.x.2.3", "s.1.2.xyz", "s.-99999999999.2.3"] {
                #expect(ScheduledReceipt(text) == nil, "\(text)")
            }
            let receipt = try await receipt(bench)
            #expect(Receipt(known.description) == nil && ScheduledReceipt(receipt.description) == nil)
            await #expect(throws: QueueError.self) {
                try await bench.broker.reschedule(known, to: .seconds(400 * 86_400))
            }
            #expect(try await bench.broker.cancel(scheduled: known))
        }
    }

    private func receipt(_ bench: Bench) async throws -> Receipt {
        try await bench.send(1)
        return try await bench.broker.receive("shoes", lease: hour)[0].receipt
    }

    /// In one order, so that of several at the same time none waits for one that waits for it.
    private static let someComeDue: Statement = """
        UPDATE mq.scheduled SET due_at = now() WHERE ticket IN (
            SELECT s.ticket FROM mq.scheduled s WHERE s.ticket % 3 = 0 ORDER BY s.ticket FOR UPDATE)
        """

    @Test("of cancelling, changing the time and delivering at once, one happens to each message")
    func stampede() async throws {
        try await Bench.with(connections: 12) { bench in
            let count = 60
            let waiting = try await bench.broker.schedule(
                (0..<count).map { Outgoing(Shoe(size: $0), delay: hour) }, to: bench.shoes)
            let cancelled = Tally(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, one) in waiting.enumerated() {
                    group.addTask {
                        if try await bench.broker.cancel(scheduled: one.receipt) { cancelled.change { $0 += 1 } }
                    }
                    group.addTask { _ = try await bench.broker.reschedule(one.receipt, to: .zero) }
                    if number.isMultiple(of: 10) {
                        group.addTask {
                            try await bench.database.execute(Self.someComeDue)
                            _ = try await bench.broker.promote(bench.entry(), limit: 5, on: bench.database)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await bench.promoteAll()
            #expect(try await sizes(bench).count + cancelled.value == count)
            #expect(try await bench.audit() == [])
        }
    }
}
