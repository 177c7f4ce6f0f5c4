import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Calls that receive by hand at the same time share a claim")
struct ReceiveTogetherTests {
    private let crowd = 64

    @Test("of a crowd each gets a message while there are any, whatever its lease, and no message comes to two")
    func crowds() async throws {
        try await Bench.with { bench in
            try await bench.send(crowd)
            let received = try await withThrowingTaskGroup(of: [ReceivedMessage].self) { group in
                for number in 0..<crowd {
                    let lease = Duration.seconds(number.isMultiple(of: 2) ? 60 : 3600)
                    group.addTask { try await bench.broker.receive("shoes", lease: lease) }
                }
                return try await group.reduce(into: [[ReceivedMessage]]()) { $0.append($1) }
            }
            #expect(received.allSatisfy { $0.count == 1 }, "\(received.map(\.count))")
            #expect(Set(received.joined().map(\.message.id)).count == crowd)
            #expect(try await bench.broker.receive("shoes", lease: .seconds(60)).isEmpty)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a crowd that comes while a claim is held up makes few claims in all")
    func claims() async throws {
        try await Bench.with { bench in
            try await bench.send(crowd)
            let holder = try await Connection.open(bench.database.conninfo)
            try await holder.script("BEGIN; LOCK TABLE mq.lanes IN ACCESS EXCLUSIVE MODE")
            let begun = Tally(0)
            let received = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<crowd {
                    group.addTask {
                        begun.change { $0 += 1 }
                        return try await bench.broker.receive("shoes", lease: .seconds(60)).count
                    }
                }
                try await eventually("all of them have come") { begun.value == crowd }
                try await holder.script("COMMIT")
                return try await group.reduce(0, +)
            }
            #expect(received == crowd)
            #expect(try await bench.number("SELECT count(*) FROM mq.claims") < crowd / 2)
            await holder.close()
        }
    }

    @Test("calls that share a claim each get no more than they asked for, and what is left over goes to nobody")
    func limits() async throws {
        try await Bench.with { bench in
            try await bench.send(20)
            let counts = try await withThrowingTaskGroup(of: Int.self) { group in
                for limit in [3, 5, 3, 5] {
                    group.addTask {
                        let messages = try await bench.broker.receive("shoes", limit: limit, lease: .seconds(60))
                        #expect(messages.count <= limit)
                        return messages.count
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(counts == 16)
            #expect(try await bench.broker.receive("shoes", limit: 100, lease: .seconds(60)).count == 4)
        }
    }

    @Test("who asks for many gets them by few others: a shared claim is no larger than a bound, and leaves nobody out")
    func shares() async throws {
        for (limits, count) in [
            ([], 0), ([5000], 1), (Array(repeating: 1, count: 256), 256), ([400, 600, 1, 5000], 2), ([1, 5000], 1),
            ([5000, 1], 1), ([999, 1, 1], 2),
        ] { #expect(ReceiveTogether.share(of: limits, atMost: 1000) == count, "\(limits)") }
        try await Bench.with { bench in
            try await bench.send(1300)
            let counts = try await bench.crowd(of: 5) {
                try await bench.broker.receive("shoes", limit: 600, lease: .seconds(60)).count
            }
            #expect(counts == [0, 0, 100, 600, 600])
            #expect(bench.broker.inTurn.count == 0, "nothing is kept of a queue that nobody receives from")
        }
    }

    @Test(
        "bodies that are too large for one answer come in several: to one who asks for all, to a crowd, and to who only looks"
    )
    func largeBodies() async throws {
        try await Bench.with { bench in
            let body = RawBody([UInt8](repeating: 7, count: HandfulOfBodies.bytes * 3 / 8))
            for _ in 0..<5 { try await bench.broker.send(body, to: Queue<RawBody>("shoes")) }
            #expect(try await bench.broker.peek("shoes", limit: 5).count == 3)
            let first = try await bench.broker.receive("shoes", limit: 5, lease: .seconds(600))
            let second = try await bench.broker.receive("shoes", limit: 5, lease: .seconds(600))
            #expect(first.count == 3 && second.count == 2, "\(first.count), \(second.count)")
            try await bench.broker.release(first + second)
            let counts = try await bench.crowd(of: 5) {
                try await bench.broker.receive("shoes", limit: 1, lease: .seconds(600)).count
            }
            #expect(counts == [1, 1, 1, 1, 1])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("each receives by the queue's present settings, also those that another process has just changed")
    func presentSettings() async throws {
        try await Bench.with { bench in
            let other = bench.another()
            try await bench.send(6)
            #expect(try await bench.broker.receive("shoes", lease: .seconds(60)).count == 1)
            try await other.change(queue: "shoes") { $0.settings.limits = QueueLimits(concurrency: 2) }
            #expect(try await bench.broker.receive("shoes", limit: 5, lease: .seconds(60)).count == 1)
            #expect(try await bench.broker.receive("shoes", limit: 5, lease: .seconds(60)).isEmpty)
            try await other.change(queue: "shoes") { $0.settings.limits = QueueLimits.none }
            #expect(try await bench.broker.receive("shoes", limit: 5, lease: .seconds(60)).count == 4)
            try await other.delete(queue: "shoes")
            await #expect(throws: QueueError.unknownQueue("shoes")) {
                try await bench.broker.receive("shoes", lease: .seconds(60))
            }
            try await other.declare(queue: "shoes")
            try await other.send([Outgoing(Shoe(size: 1))], to: bench.shoes)
            #expect(try await bench.broker.receive("shoes", limit: 5, lease: .seconds(60)).count == 1)
        }
    }

    @Test("to receive from one queue reads that one, and not all queues and topics")
    func readsOne() async throws {
        try await Bench.with(connections: 1) { bench in
            try await bench.database.execute(
                """
                INSERT INTO mq.topics (name) SELECT 'topic-' || n FROM generate_series(1, 2000) AS n
                """)
            _ = try await bench.broker.receive("shoes", lease: .seconds(60))
            let before = try await topicsRead(bench)
            for _ in 0..<20 { _ = try await bench.broker.receive("shoes", lease: .seconds(60)) }
            #expect(try await topicsRead(bench) - before < 10_000)
        }
    }

    /// The same backend flushes what it counted.
    private func topicsRead(_ bench: Bench) async throws -> Int {
        try await bench.database.execute("SELECT pg_stat_force_next_flush()")
        try await bench.database.execute("SELECT 1")
        return try await bench.number(
            """
            SELECT (seq_tup_read + coalesce(idx_tup_fetch, 0))::int8 FROM pg_stat_user_tables
            WHERE schemaname = 'mq' AND relname = 'topics'
            """)
    }

    @Test("who is cancelled takes nothing: the message is there for the next one, with no attempt counted")
    func cancelled() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            for _ in 0..<20 {
                let call = Task { try await bench.broker.receive("shoes", lease: .seconds(3600)) }
                call.cancel()
                await #expect(throws: CancellationError.self) { try await call.value }
            }
            try await bench.promoteAll()
            let messages = try await bench.broker.receive("shoes", lease: .seconds(60))
            #expect(messages.map(\.attempt) == [1])
        }
    }
}

extension Bench {
    /// What each of a crowd gets, sorted, that comes while a claim is held up.
    fileprivate func crowd(of size: Int, _ receive: @escaping @Sendable () async throws -> Int) async throws -> [Int] {
        let holder = try await Connection.open(database.conninfo)
        try await holder.script("BEGIN; LOCK TABLE mq.lanes IN ACCESS EXCLUSIVE MODE")
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<size { group.addTask { try await receive() } }
            try await eventually("one of them claims") {
                try await holder.query(
                    "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'mq.lanes'::regclass"
                ) { _ in }.count > 0
            }
            try await holder.script("COMMIT")
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        await holder.close()
        return counts.sorted()
    }
}
