import DeliveryCheck
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A producer has a lane of its own", .timeLimit(.minutes(10)))
struct ProducerTests {
    /// Locks of lanes: what a session holds for longer than a transaction.
    private static let locks: Statement = """
        SELECT count(*) FROM pg_locks l JOIN mq.queues q ON l.classid = mq.lock_class() + q.id
        WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """

    private func sizes(_ bench: Bench) async throws -> [Int] {
        try await bench.receive().sizes()
    }

    @Test("a producer's messages stand behind one another in its lane, each call in a transaction of its own")
    func order() async throws {
        try await Bench.with { bench in
            try await bench.broker.withProducer(of: bench.shoes) { producer in
                for size in 0..<20 { try await producer.send(Shoe(size: size), key: "key") }
                try await producer.send((20..<25).map { Outgoing(Shoe(size: $0)) })
                try await producer.send([])
                try await producer.send(Shoe(size: 25))
                #expect(try await bench.number(Self.locks) == 1)
            }
            #expect(try await bench.number("SELECT count(DISTINCT lane) FROM mq.messages") == 1)
            #expect(try await bench.number("SELECT count(DISTINCT xmin::text) FROM mq.messages") == 22)
            #expect(try await bench.number("SELECT count(*) FROM mq.messages WHERE key = 'key'") == 20)
            #expect(try await sizes(bench) == Array(0...25))
            #expect(try await bench.number(Self.locks) == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("producers get half of a queue's lanes at most, and whoever gets none sends all the same")
    func share() async throws {
        try await Bench.with(QueueSettings(lanes: 5)) { bench in
            try await bench.broker.withProducer(of: bench.shoes) { first in
                try await first.send(Shoe(size: 1))
                try await bench.broker.withProducer(of: bench.shoes) { second in
                    try await second.send(Shoe(size: 2))
                    try await bench.broker.withProducer(of: bench.shoes) { third in
                        for _ in 0..<150 { try await third.send(Shoe(size: 3)) }
                    }
                    #expect(try await bench.number(Self.locks) == 2)
                    try await bench.send(50)
                    try await second.send(Shoe(size: 4))
                }
                try await first.send(Shoe(size: 5))
            }
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 204)
            #expect(try await bench.number("SELECT count(*) FROM mq.scheduled") == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "a producer gets no lane of a queue that has but one, or chooses lanes by itself",
        arguments: [
            QueueSettings(lanes: 1), QueueSettings(priorities: .three), QueueSettings(order: .blockOnFailure),
        ])
    func without(settings: QueueSettings) async throws {
        try await Bench.with(settings) { bench in
            try await bench.broker.withProducer(of: bench.shoes) { producer in
                for size in 0..<10 { try await producer.send(Shoe(size: size), key: "key") }
                #expect(try await bench.number(Self.locks) == 0)
            }
            #expect(try await sizes(bench).sorted() == Array(0..<10))
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a producer behind a pooler, where it has no session, gets no lane and sends all the same")
    func pooled() async throws {
        try await Bench.with(through: .pooler) { bench in
            try await bench.broker.withProducer(of: bench.shoes) { producer in
                for size in 0..<10 { try await producer.send(Shoe(size: size)) }
            }
            #expect(try await bench.number(Self.locks) == 0)
            #expect(try await sizes(bench).sorted() == Array(0..<10))
        }
    }

    @Test("delayed messages of a producer wait, and the others of the call are stored with them")
    func delayed() async throws {
        try await Bench.with { bench in
            try await bench.broker.withProducer(of: bench.shoes) { producer in
                try await producer.send(Shoe(size: 1))
                try await producer.send([
                    Outgoing(Shoe(size: 2)), Outgoing(Shoe(size: 3), delay: .seconds(3600)),
                ])
                try await producer.send(Shoe(size: 4))
            }
            #expect(try await sizes(bench).sorted() == [1, 2, 4])
            #expect(try await bench.number("SELECT count(*) FROM mq.scheduled") == 1)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a rotation takes a producer along to the new segment")
    func rotation() async throws {
        try await Bench.with { bench in
            try await bench.broker.withProducer(of: bench.shoes) { producer in
                for size in 0..<30 {
                    if size.isMultiple(of: 10) {
                        try await bench.broker.retire(Broker.Retention(keep: .seconds(3600), rotate: .zero))
                    }
                    try await producer.send(Shoe(size: size))
                }
            }
            #expect(try await bench.number("SELECT count(DISTINCT seq >> 40) FROM mq.messages") == 3)
            #expect(try await bench.number("SELECT max(mq.ordinal(seq)) FROM mq.messages") == 30)
            var sizes: [Int] = []
            while sizes.count < 30 { sizes += try await self.sizes(bench) }
            #expect(sizes == Array(0..<30))
            #expect(try await bench.audit() == [])
        }
    }

    @Test("sends of child tasks, and others on a producer's connection, take each other's places in vain")
    func together() async throws {
        try await Bench.with { bench in
            try await bench.broker.withProducer(of: bench.shoes) { producer in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for size in 0..<200 {
                        group.addTask {
                            guard size.isMultiple(of: 5) else {
                                try await producer.send(Shoe(size: size))
                                return
                            }
                            try await bench.broker.send(
                                [Outgoing(Shoe(size: size))], to: bench.shoes, on: producer.connection)
                        }
                    }
                    try await group.waitForAll()
                }
            }
            #expect(try await sizes(bench).sorted() == Array(0..<200))
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a session that may hold a lane unknown to its producer is not used again")
    func uncertain() async throws {
        try await Bench.with(connections: 1) { bench in
            // The lane is taken, and then its last place can't be read.
            try await bench.database.script(
                """
                CREATE OR REPLACE FUNCTION mq.ordinal(seq bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT seq / 0'
                """)
            let backend = try await bench.number("SELECT pg_backend_pid()")
            await #expect(throws: PostgresError.self) {
                try await bench.broker.withProducer(of: bench.shoes) { try await $0.send(Shoe(size: 1)) }
            }
            #expect(try await bench.number("SELECT pg_backend_pid()") != backend)
            let watcher = Database(bench.database.conninfo)
            try await eventually("the lane is free") {
                try await watcher.query(Self.locks) { try $0[0, as: Int.self] } == [0]
            }
            await watcher.close()
        }
    }

    private struct Stop: Error {}

    @Test(
        "a producer's lane is given back when its task fails or is cancelled, and the connection with it",
        arguments: [false, true])
    func givenBack(isCancelled: Bool) async throws {
        try await Bench.with(connections: 1) { bench in
            let kept = Tally<Producer<Shoe>?>(nil)
            let backend = try await bench.number("SELECT pg_backend_pid()")
            let task = Task {
                try await bench.broker.withProducer(of: bench.shoes) { producer in
                    kept.change { $0 = producer }
                    try await producer.send(Shoe(size: 1))
                    if isCancelled { withUnsafeCurrentTask { $0?.cancel() } }
                    try Task.checkCancellation()
                    throw Stop()
                }
            }
            await #expect(throws: (any Error).self) { try await task.value }
            #expect(try await bench.number(Self.locks) == 0)
            #expect(try await bench.number("SELECT pg_backend_pid()") == backend)
            let producer = try #require(kept.value)
            let refusal = await #expect(throws: PostgresError.self) { try await producer.send(Shoe(size: 2)) }
            #expect(refusal?.kind == .closed)
            #expect(try await sizes(bench) == [1])
        }
    }

    @Test("rotations and the death of a producer's session lose nothing, repeat nothing and leave no place out")
    func attacked() async throws {
        try await Bench.with(QueueSettings(lanes: 4), connections: 16) { bench in
            var options = DatabaseOptions()
            options.connection.applicationName = "producers"
            let broker = Broker(Database(bench.database.conninfo, options: options), logger: bench.broker.logger)
            let attack = Attack()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<3 {
                    group.addTask { await attack.produce(from: number * 1_000_000, by: broker, to: bench.shoes) }
                }
                group.addTask { try await attack.rotateAndKill(bench) }
                for _ in 0..<2 {
                    group.addTask {
                        try await bench.completeAll(50...50, until: attack.isOver) { held in
                            let new = try held.sizes()
                            attack.handled.change { $0 += new }
                        }
                    }
                }
                for _ in 0..<4 { try await group.next() }
                attack.isOver.change { $0 = true }
                try await group.waitForAll()
            }
            await broker.database.close()
            let check = QueueCheck(
                attempted: attack.attempted.value, acknowledged: attack.acknowledged.value,
                handled: attack.handled.value)
            print("producers attacked: \(check)")
            #expect(check.isFaultless && check.duplicated == 0, "\(check)")
            #expect(try await bench.audit() == [])
        }
    }

    /// On producers whose sessions are called `producers`.
    private struct Attack: Sendable {
        let attempted = Tally<[Int]>([])
        let acknowledged = Tally<[Int]>([])
        let handled = Tally<[Int]>([])
        let rotations = Tally(0)
        let isOver = Tally(false)

        private var goesOn: Bool { rotations.value < 4 }

        /// A session that was ended ends the producer, and the next one goes on.
        func produce(from start: Int, by broker: Broker, to queue: Queue<Shoe>) async {
            let next = Tally(start)
            while goesOn {
                try? await broker.withProducer(of: queue) { producer in
                    while goesOn {
                        let count = Int.random(in: 1...3)
                        let first = next.value
                        next.change { $0 += count }
                        let sizes = Array(first..<first + count)
                        attempted.change { $0 += sizes }
                        try await producer.send(sizes.map { Outgoing(Shoe(size: $0)) })
                        acknowledged.change { $0 += sizes }
                    }
                }
            }
        }

        func rotateAndKill(_ bench: Bench) async throws {
            while goesOn {
                let deeds = try? await bench.broker.retire(Broker.Retention(keep: .zero, rotate: .zero))
                guard deeds?.contains(where: { $0.hasPrefix("opened") }) == true else { continue }
                rotations.change { $0 += 1 }
                try await bench.database.execute(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name = 'producers' AND datname = current_database() LIMIT 1
                    """)
            }
        }
    }
}
