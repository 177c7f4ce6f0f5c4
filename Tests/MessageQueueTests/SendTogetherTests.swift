import MessageQueue
import Postgres
import TestSupport
import Testing

@Suite("What many tasks store at the same time shares a transaction")
struct SendTogetherTests {
    enum Verb: CaseIterable {
        case send, publish

        func store(_ size: Int, key: String? = nil, by bench: Bench) -> @Sendable () async throws -> Void {
            let message = Outgoing(Shoe(size: size), key: key)
            return {
                switch self {
                case .send: try await bench.broker.send([message], to: bench.shoes)
                case .publish: try await bench.broker.publish([message], to: SendTogetherTests.news)
                }
            }
        }
    }

    private static let news = Topic<Shoe>("news")

    /// With a topic that the queue hears, and the only connection there is.
    private func with(_ body: @Sendable (Bench) async throws -> Void) async throws {
        try await Bench.with(connections: 1) { bench in
            try await bench.broker.declare(topic: Self.news.name)
            try await bench.broker.subscribe("shoes", to: Self.news.name)
            try await body(bench)
        }
    }

    @Test(
        "of messages that many tasks store at the same time each is there once, and many in one transaction",
        arguments: Verb.allCases)
    func sharing(verb: Verb) async throws {
        try await with { bench in
            let outcomes = try await bench.together((0..<50).map { verb.store($0, by: bench) })
            #expect(outcomes.allSatisfy { (try? $0.get()) != nil })
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 50)
            #expect(try await bench.number("SELECT count(DISTINCT body) FROM mq.messages") == 50)
            #expect(try await bench.number("SELECT count(DISTINCT xmin::text) FROM mq.messages") < 5)
        }
    }

    @Test(
        "a message that the server refuses fails its own sender, and nobody else of the group",
        arguments: Verb.allCases)
    func refused(verb: Verb) async throws {
        try await with { bench in
            let calls = (0..<20).map { verb.store($0, key: $0 == 7 ? "no\0text" : "text", by: bench) }
            for (number, outcome) in try await bench.together(calls).enumerated() {
                guard number == 7 else {
                    try outcome.get()
                    continue
                }
                #expect(throws: PostgresError.self) { try outcome.get() }
            }
            #expect(try await bench.number("SELECT count(DISTINCT body) FROM mq.messages") == 19)
        }
    }

    @Test(
        "a sender that is cancelled while it waits for its group stores nothing, and the others do",
        arguments: Verb.allCases)
    func cancelled(verb: Verb) async throws {
        try await with { bench in
            _ = try await bench.entry()
            let calls = (0..<20).map { verb.store($0, by: bench) }
            let tasks = try await bench.database.withConnection { _ in
                let tasks = calls.map { call in Task.immediate { try await call() } }
                tasks[5].cancel()
                await #expect(throws: CancellationError.self) { try await tasks[5].value }
                return tasks
            }
            for (number, task) in tasks.enumerated() where number != 5 { try await task.value }
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 19)
        }
    }

    @Test("sends to several queues share a transaction, too, and an unknown queue is its sender's own error")
    func queues() async throws {
        try await Bench.with(connections: 1) { bench in
            try await bench.broker.declare(queue: "boots")
            let sends = (1...30).map { number in
                { @Sendable in
                    let queue: QueueName = number == 30 ? "nowhere" : number.isMultiple(of: 2) ? "boots" : "shoes"
                    try await bench.broker.send([Outgoing(Shoe(size: number))], to: Queue<Shoe>(queue))
                }
            }
            let outcomes = try await bench.together(sends)
            #expect(throws: QueueError.unknownQueue("nowhere")) { try outcomes[29].get() }
            for outcome in outcomes.dropLast() { try outcome.get() }
            #expect(
                try await bench.number(
                    "SELECT count(*) FROM mq.messages m JOIN mq.queues q ON q.id = m.queue WHERE q.name = 'boots'")
                    == 14)
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 29)
            #expect(try await bench.number("SELECT count(DISTINCT xmin::text) FROM mq.messages") < 5)
        }
    }

    @Test(
        "when the connection breaks, every sender of the group is told, and the next group is stored",
        arguments: Verb.allCases)
    func broken(verb: Verb) async throws {
        try await with { bench in
            _ = try await bench.entry()
            let backend = try await bench.database.query("SELECT pg_backend_pid()") { try $0[0, as: Int32.self] }[0]
            let other = Database(bench.database.conninfo)
            // The lanes' locks make no sender wait, so the table's lock does.
            let blocker = try await Connection.open(bench.database.conninfo)
            try await blocker.script("BEGIN; LOCK TABLE mq.messages_1 IN ACCESS EXCLUSIVE MODE")
            let tasks = (0..<10).map { number in Task.immediate { try await verb.store(number, by: bench)() } }
            try await eventually("the send waits for the table") {
                try await other.query("SELECT pid FROM pg_locks WHERE NOT granted AND pid = $1", backend) { _ in }.count
                    > 0
            }
            try await other.execute("SELECT pg_terminate_backend($1)", backend)
            try await blocker.script("ROLLBACK")
            var stored = 0
            for task in tasks {
                switch await task.result {
                case .success: stored += 1
                case .failure(let error): #expect((error as? PostgresError)?.isConnectionTrouble == true)
                }
            }
            #expect(stored < 10)
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == stored)
            try await verb.store(10, by: bench)()
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == stored + 1)
            await blocker.close()
            await other.close()
        }
    }
}

extension Bench {
    /// Lets `calls` begin while the only connection is taken, so that they come together.
    ///
    /// - Returns: what became of each.
    func together(_ calls: [@Sendable () async throws -> Void]) async throws -> [Result<Void, any Error>] {
        // What nobody has sent to yet is looked up first.
        _ = try await entry()
        let tasks = try await database.withConnection { _ in
            calls.map { call in Task.immediate { try await call() } }
        }
        var outcomes: [Result<Void, any Error>] = []
        for task in tasks { outcomes.append(await task.result) }
        return outcomes
    }
}
