import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A queue with a retention delivers nothing that is older")
struct RetentionTests {
    private let queue: QueueName = "shoes"
    private let hour = Duration.seconds(3600)

    /// What was sent so far is two hours older.
    private func age(_ bench: Bench) async throws {
        for table in ["messages", "scheduled"] {
            try await bench.database.execute(
                Statement("UPDATE mq.\(table) SET sent_at = sent_at - interval '2 hours'"))
        }
    }

    private func with(
        _ settings: QueueSettings = QueueSettings(lanes: 2, retention: .seconds(3600)),
        _ body: @Sendable (Bench) async throws -> Void
    ) async throws {
        try await Bench.with(settings) { bench in
            try await body(bench)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("what is past its retention is passed over as others are received, and counted, whoever receives")
    func passedOver() async throws {
        try await with { bench in
            try await bench.send(6)
            try await age(bench)
            try await bench.send(2, from: 10)
            let held = try await bench.broker.receive(queue, limit: 10, lease: hour)
            #expect(Set(try held.map { try $0.decoded(as: Shoe.self).payload.size }) == [10, 11])
            let statistics = try await bench.broker.statistics(of: queue)
            #expect(statistics.outdated == 6 && statistics.inFlight == 2 && statistics.depth == 0)
            try await bench.broker.complete(held)
            try await bench.send(1, from: 20)
            try await age(bench)
            #expect(try await bench.receive() == [], "by a worker")
            #expect(try await bench.statistics().outdated == 7)
            #expect(try await bench.broker.trace("k20").map(\.outcome) == [.outdated])
        }
    }

    @Test("an old message is dropped whatever becomes of it first: delayed, given back, failed, or its consumer lost")
    func everyWay() async throws {
        try await with { bench in
            try await bench.send(3)
            try await bench.broker.send([Outgoing(Shoe(size: 9), delay: hour)], to: bench.shoes)
            let held = try await bench.broker.receive(queue, limit: 3, lease: hour)
            try await bench.broker.release([held[0]])
            try await bench.broker.retry([.init(held[1], after: .zero, error: "tight")])
            _ = try await bench.broker.changeVisibility(of: held[2].receipt, to: .zero)
            try await age(bench)
            try await bench.database.execute("UPDATE mq.scheduled SET due_at = now() - interval '1 second'")
            #expect(try await bench.broker.receive(queue, limit: 10, lease: hour) == [])
            let statistics = try await bench.statistics()
            #expect(statistics.outdated == 4 && statistics.dead == 0 && statistics.scheduled + statistics.retrying == 0)
        }
    }

    @Test("whoever holds a message in time may finish it late")
    func inHand() async throws {
        try await with { bench in
            try await bench.send(1)
            let held = try await bench.broker.receive(queue, lease: hour)
            try await age(bench)
            try await bench.broker.discardOutdated()
            #expect(try await bench.broker.acknowledge(held.map(\.receipt)) == [])
            #expect(try await bench.statistics().outdated == 0)
        }
    }

    @Test("where nobody receives, the upkeep drops what is outdated, in old segments as well, and these can go")
    func upkeep() async throws {
        try await with { bench in
            try await bench.send(40)
            try await bench.broker.retire(.init(keep: hour, rotate: .zero))
            try await bench.send(20, from: 100)
            try await age(bench)
            try await bench.send(3, from: 200)
            #expect(try await bench.broker.discardOutdated() == 60)
            let statistics = try await bench.statistics()
            #expect(statistics.outdated == 60 && statistics.depth == 3 && statistics.inFlight == 0)
            #expect(try await bench.broker.discardOutdated() == 0)
            #expect(try await bench.broker.dropOld(.init(keep: .zero, rotate: hour)).count == 1)
            #expect(try await bench.broker.receive(queue, limit: 10, lease: hour).count == 3)
        }
    }

    @Test("a retention is changed while the queue is in use, and is nobody's who has none")
    func changed() async throws {
        try await with(.init()) { bench in
            try await bench.send(2)
            try await age(bench)
            #expect(try await bench.broker.discardOutdated() == 0)
            try await bench.another().declare(queue: queue, QueueSettings(retention: hour * 3))
            #expect(try await bench.broker.receive(queue, lease: hour).count == 1)
            try await bench.another().declare(queue: queue, QueueSettings(retention: hour))
            #expect(try await bench.broker.receive(queue, lease: hour) == [])
            #expect(try await bench.statistics().outdated == 1)
        }
    }

    @Test("the pace of a queue with a rate goes on after messages were dropped")
    func pace() async throws {
        let settings = QueueSettings(
            lanes: 1, retention: hour, limits: QueueLimits(rate: 1 / (24 * 3600), burst: 1))
        try await with(settings) { bench in
            try await bench.send(1)
            #expect(try await bench.broker.receive(queue, lease: hour).count == 1)
            try await bench.send(1)
            try await age(bench)
            #expect(try await bench.broker.discardOutdated() == 1)
            try await bench.send(1)
            #expect(try await bench.broker.receive(queue, lease: hour) == [])
        }
    }

    @Test("a retention of nothing, of more than 366 days, or in a queue that keeps order is refused")
    func nonsense() async throws {
        try await Bench.with { bench in
            for settings in [
                QueueSettings(retention: .zero), QueueSettings(retention: .seconds(400 * 86_400)),
                QueueSettings(order: .skipOnFailure, retention: hour),
            ] {
                await #expect(throws: QueueError.self) { try await bench.broker.declare(queue: "boots", settings) }
            }
        }
    }
}
