import Postgres
import TestSupport
import Testing

@testable import MessageQueue

/// A completion refers to no row of the queue, so nothing but a lock and a look keeps it from outliving the queue.
@Suite("Messages of a queue that is deleted are finished before it, or not at all", .timeLimit(.minutes(5)))
struct FinishDeletedTests {
    /// What ends a message in the transaction of whoever has received it.
    enum Finish: CaseIterable {
        case complete, release, retry, deadLetter, acknowledge

        func apply(to held: [ReceivedMessage], by broker: Broker, in session: borrowing Session) throws {
            switch self {
            case .complete: broker.complete(held, in: session)
            case .release: broker.release(held, in: session)
            case .retry: broker.retry(held.map { .init($0, after: .zero, error: "") }, in: session)
            case .deadLetter: broker.deadLetter(held.map { .init($0, reason: "", error: nil) }, in: session)
            case .acknowledge: _ = try broker.acknowledge(held.map(\.receipt), in: session)
            }
        }
    }

    private static let hour = Duration.seconds(3600)
    private static let waiting: Statement = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        """

    /// How many wait for an advisory lock of this number.
    private static func waiting(for lock: Int) -> Statement {
        Statement(
            """
            SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = \(lock)
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """)
    }

    private func receiveOne(_ bench: Bench) async throws -> [ReceivedMessage] {
        try await bench.createEffects()
        try await bench.send(1)
        return try await bench.broker.receive("shoes", lease: Self.hour)
    }

    // MARK: Afterwards

    @Test(
        "a receipt of a deleted queue is worth nothing, also to who does not know of that, and leaves nothing behind",
        arguments: OldNumbersTests.Verb.allCases)
    func gone(verb: OldNumbersTests.Verb) async throws {
        try await Bench.with { bench in
            let held = try await receiveOne(bench)
            #expect(try await bench.another().delete(queue: "shoes"))
            for broker in [bench.broker, bench.another()] {
                let error = await #expect(throws: QueueError.self) { try await verb.act(on: held, by: broker) }
                #expect(error?.isLeaseLost == true)
            }
            #expect(try await bench.audit() == [])
        }
    }

    @Test("what was done to finish a message of a deleted queue is rolled back, and the error names queue and message")
    func effects() async throws {
        try await Bench.with { bench in
            let held = try await receiveOne(bench)
            #expect(try await bench.another().delete(queue: "shoes"))
            await #expect(throws: QueueError.leaseLost(queue: "shoes", message: held[0].message.id)) {
                try await bench.database.write { session in
                    try session.execute("INSERT INTO effect VALUES (1)")
                    bench.broker.complete(held, in: session)
                }
            }
            #expect(try await bench.effects() == [0, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a worker whose queue is deleted while it is at work loses its lease, and leaves no effect")
    func worker() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            let other = bench.another()
            let step = Polish { _ in _ = try await other.delete(queue: "shoes") }
            try await bench.work([step]) { log in
                try await bench.send(1)
                try await log.wait("the lease is lost") { $0.leaseLostCount == 1 }
                try await other.declare(queue: "shoes")
            }
            #expect(try await bench.effects() == [0, 0])
            #expect(try await bench.audit() == [])
        }
    }

    // MARK: Meanwhile

    @Test(
        "a deletion waits for whoever has just finished messages of the queue, and takes along what has become of them",
        arguments: Finish.allCases)
    func isWaitedFor(finish: Finish) async throws {
        try await Bench.with { bench in
            let held = try await receiveOne(bench)
            let latch = try await bench.database.dedicatedConnection(named: "latch")
            try await latch.execute("SELECT pg_advisory_lock(5)")
            let finishing = Task {
                try await bench.database.write { session in
                    try session.execute("INSERT INTO effect VALUES (1)")
                    try finish.apply(to: held, by: bench.broker, in: session)
                    try session.execute("SELECT pg_advisory_xact_lock(5)")
                }
            }
            try await eventually("it has finished") { try await bench.number(Self.waiting(for: 5)) == 1 }
            let deleting = Task { try await bench.another().delete(queue: "shoes") }
            try await eventually("the deletion waits") { try await bench.number(Self.waiting(for: 1001)) == 1 }
            await latch.close()
            try await finishing.value
            #expect(try await deleting.value)
            #expect(try await bench.effects() == [1, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "who uses a receipt while its queue is being deleted waits for that, and is told that it is worth nothing",
        arguments: OldNumbersTests.Verb.allCases)
    func waits(verb: OldNumbersTests.Verb) async throws {
        try await Bench.with { bench in
            let held = try await receiveOne(bench)
            let error = await #expect(throws: QueueError.self) {
                try await bench.calling(during: "DELETE FROM mq.queues WHERE name = 'shoes'") {
                    try await verb.act(on: held, by: bench.broker)
                }
            }
            #expect(error?.isLeaseLost == true)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "a transaction that has written something waits for no deletion: it is to try again, and can if the queue stays",
        arguments: Finish.allCases)
    func triesAgain(finish: Finish) async throws {
        try await Bench.with { bench in
            let held = try await receiveOne(bench)
            func work() async throws {
                try await bench.database.write { session in
                    try session.execute("INSERT INTO effect VALUES (1)")
                    try finish.apply(to: held, by: bench.broker, in: session)
                }
            }
            let deleter = try await bench.database.dedicatedConnection(named: "deleter")
            try await deleter.script("BEGIN; DELETE FROM mq.queues WHERE name = 'shoes'")
            let error = await #expect(throws: PostgresError.self) { try await work() }
            #expect(error?.sqlState == "55P03" && error?.isRetryable == true)
            #expect(try await bench.effects() == [0, 0])
            try await deleter.script("ROLLBACK")
            await deleter.close()
            try await work()
            #expect(try await bench.effects() == [1, 0])
            #expect(try await bench.number("SELECT count(*) FROM mq.completions") == 1)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a transaction whose snapshot is older than a deletion completes nothing of that queue")
    func oldSnapshot() async throws {
        try await Bench.with { bench in
            let held = try await receiveOne(bench)
            let latch = try await bench.database.dedicatedConnection(named: "latch")
            try await latch.execute("SELECT pg_advisory_lock(5)")
            let finishing = Task {
                try await bench.database.write { session in
                    try session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    try session.execute("SELECT FROM mq.queues")
                    try session.execute("SELECT pg_advisory_xact_lock(5)")
                    bench.broker.complete(held, in: session)
                }
            }
            try await eventually("it has a snapshot") { try await bench.number(Self.waiting(for: 5)) == 1 }
            #expect(try await bench.another().delete(queue: "shoes"))
            await latch.close()
            let error = await #expect(throws: PostgresError.self) { try await finishing.value }
            #expect(error?.sqlState == "40001" && error?.isRetryable == true)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("messages of other queues are finished while a queue is being deleted, and whether it goes then or stays")
    func others() async throws {
        try await Bench.with { bench in
            try await bench.broker.declare(queue: "boots")
            try await bench.send(3)
            let held = try await bench.broker.receive("shoes", limit: 3, lease: Self.hour)
            #expect(held.count == 3)
            let deleter = try await bench.database.dedicatedConnection(named: "deleter")
            try await deleter.script("BEGIN; DELETE FROM mq.queues WHERE name = 'boots'")
            try await bench.broker.complete([held[0]])
            try await deleter.script("ROLLBACK")
            await deleter.close()
            try await bench.broker.complete([held[1]])
            #expect(try await bench.another().delete(queue: "boots"))
            #expect(try await bench.broker.acknowledge([held[2].receipt]) == [])
            #expect(try await bench.number("SELECT count(*) FROM mq.completions") == 3)
            #expect(try await bench.audit() == [])
        }
    }

    // MARK: What else is kept of a queue

    @Test("who folds the sums of a queue that is being deleted leaves none of them behind")
    func sums() async throws {
        try await Bench.with { bench in
            try await bench.database.execute(
                "INSERT INTO mq.tallies SELECT id, 'f', 0 FROM mq.queues, generate_series(1, 1001)")
            let folder = try await bench.database.dedicatedConnection(named: "folder")
            try await folder.script("BEGIN")
            try await folder.execute(Broker.foldTallies)
            let deleting = Task { try await bench.broker.delete(queue: "shoes") }
            try await eventually("the deletion waits") { try await bench.number(Self.waiting) == 1 }
            try await folder.script("COMMIT")
            await folder.close()
            #expect(try await deleting.value)
            #expect(try await bench.number("SELECT count(*) FROM mq.tallies") == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("of an operator who skips a blocked message and a deletion of its queue one waits for the other, not both")
    func blockedKeys() async throws {
        try await Bench.with(QueueSettings(order: .blockOnFailure)) { bench in
            try await bench.send(1)
            try await bench.broker.deadLetter(bench.receive().map { .init($0, reason: "ugly", error: nil) })
            let skipper = try await bench.database.dedicatedConnection(named: "skipper")
            try await skipper.script("BEGIN")
            #expect(try await skipper.execute(Broker.lockKey, bench.queue, "k0") == 1)
            let deleting = Task { try await bench.broker.delete(queue: "shoes") }
            try await eventually("the deletion waits") { try await bench.number(Self.waiting) == 1 }
            #expect(try await skipper.execute(Broker.buryHead, bench.queue, "k0") == 1)
            try await skipper.script("COMMIT")
            await skipper.close()
            #expect(try await deleting.value)
            #expect(try await bench.audit() == [])
        }
    }
}

extension QueueError {
    fileprivate var isLeaseLost: Bool { if case .leaseLost = self { true } else { false } }
}
