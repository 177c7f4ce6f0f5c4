import Foundation
import MessageQueue
import Postgres
import TestSupport
import Testing

@testable import MessageQueueTesting

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

    @Test("leases end as virtual time passes, with the attempt counted, and messages and dead letters grow old")
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

    @Test("when the database's clock jumps forward leases and delays end early, and a late finish leaves no effect")
    func jump() async throws {
        try await TestBroker.with { test in
            try await test.database.script("CREATE TABLE effect (n int)")
            try await test.arrive(1)
            let held = try await test.broker.receive("arrivals", lease: .seconds(3600))
            try await test.broker.send([Outgoing(Parcel(weight: 2), delay: .seconds(3600))], to: Depot.log)
            try await test.advance(by: .seconds(5 * 3600))
            await #expect(throws: QueueError.leaseLost(queue: "arrivals", message: held[0].message.id)) {
                try await test.database.write { session in
                    try session.execute("INSERT INTO effect VALUES (1)")
                    test.broker.complete(held, in: session)
                }
            }
            let effects = try await test.database.query("SELECT count(*) FROM effect") { try $0[0, as: Int.self] }
            #expect(effects == [0])
            let again = Carry(queue: Depot.arrivals) { #expect($0.attempt == 2) }
            #expect(try await test.drain([again, Carry(queue: Depot.log) { _ in }]).done() == 2)
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

    @Test("producers are asked about half messages as virtual time passes, and about those of a day ago no more")
    func halves() async throws {
        try await TestBroker.with { test in
            let (broker, topic) = (test.broker, Depot.moved)
            let receipt = try await broker.prepare(
                Outgoing(Parcel(weight: 1)), to: topic, by: "depot", check: .seconds(3600))
            try await test.advance(by: .seconds(3500))
            #expect(try await broker.halfMessages(of: "depot", in: topic.name).isEmpty)
            try await test.advance(by: .seconds(101))
            #expect(try await broker.commit(half: receipt) == false, "its time has passed")
            #expect(try await broker.halfMessages(of: "depot", in: topic.name).map(\.checks) == [1])
            try await test.advance(by: .seconds(86_400))
            #expect(try await broker.halfMessages(of: "depot", in: topic.name).isEmpty)
        }
    }

    @Test("the rate of a queue lets more through as virtual time passes, also where its last claims are dropped")
    func pace() async throws {
        try await TestBroker.with { test in
            try await test.broker.limit("arrivals", to: QueueLimits(rate: 1.0 / 3600, burst: 1))
            try await test.arrive(1)
            // What dropping them leaves.
            try await test.database.execute("UPDATE mq.lanes SET paced_until = now() + interval '1 hour'")
            #expect(try await test.broker.receive("arrivals", lease: .seconds(60)).isEmpty)
            try await test.advance(by: .seconds(3500))
            #expect(try await test.broker.receive("arrivals", lease: .seconds(60)).isEmpty)
            try await test.advance(by: .seconds(101))
            #expect(try await test.broker.receive("arrivals", lease: .seconds(60)).count == 1)
        }
    }

    @Test("virtual time passes for every time that the schema keeps, but for those that nothing goes by")
    func everything() async throws {
        try await TestBroker.with { test in
            let known = Set(try await test.database.query(Self.times) { try $0[0, as: String.self] })
            let shifted = Set(TestBroker.shifted.flatMap { table, columns in columns.map { "\(table).\($0)" } })
            let unmoved = Self.unmoved.reduce(into: Set<String>()) { $0.formUnion($1.times) }
            #expect(shifted.isDisjoint(with: unmoved))
            #expect(known.subtracting(shifted).subtracting(unmoved) == [], "neither moved nor excused")
            #expect(shifted.union(unmoved).subtracting(known) == [], "in no table")
        }
    }

    /// Of partitions, those of the whole.
    private static let times: Statement = """
        SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'mq'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT a.attisdropped
          AND a.atttypid = 'timestamptz'::regtype
        """

    private static let unmoved: [(reason: String, times: Set<String>)] = [
        (
            "people are shown it, and nothing goes by it",
            [
                "migrations.applied_at", "queues.created_at", "queues.changed_at", "queues.paused_at",
                "topics.created_at", "topics.changed_at", "subscriptions.created_at",
                "subscriptions.changed_at", "access_keys.created_at",
                "access_keys.rotated_at", "access_keys.revoked_at", "access_keys.last_used_at",
            ]
        ),
        ("retention does not pass", ["segments.opened_at", "operator_actions.began_at", "operator_actions.ended_at"]),
        (
            "whoever lives is taken to have given signs of life meanwhile, and to have done its chores",
            [
                "consumers.started_at", "consumers.heartbeat_at", "consumers.ended_at", "operator_actions.beat_at",
                "chores.done_at", "chores.failing_since", "chores.waiting_since", "processes.started_at",
                "processes.heartbeat_at",
            ]
        ),
    ]

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
