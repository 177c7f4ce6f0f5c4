import MessageQueue
import Postgres
import TestSupport
import Testing

@Suite("Sends of many tasks at the same time share a transaction")
struct SendTogetherTests {
    /// Lets `sends` begin while the only connection is taken, so that they come together, and answers what became of each.
    private func together(
        on bench: Bench, _ sends: [@Sendable () async throws -> Void]
    ) async throws -> [Result<Void, any Error>] {
        // A queue that nobody has sent to yet is looked up first.
        _ = try await bench.entry()
        let tasks = try await bench.database.withConnection { _ in
            sends.map { send in Task.immediate { try await send() } }
        }
        var outcomes: [Result<Void, any Error>] = []
        for task in tasks { outcomes.append(await task.result) }
        return outcomes
    }

    private func send(_ size: Int, key: String? = nil, _ bench: Bench) -> @Sendable () async throws -> Void {
        { try await bench.broker.send([Outgoing(Shoe(size: size), key: key)], to: bench.shoes) }
    }

    @Test("of messages that many tasks send at the same time each is stored once, and many in one transaction")
    func sharing() async throws {
        try await Bench.with(connections: 1) { bench in
            let outcomes = try await together(on: bench, (0..<50).map { send($0, bench) })
            #expect(outcomes.allSatisfy { (try? $0.get()) != nil })
            #expect(try await bench.number("SELECT count(DISTINCT body) FROM mq.messages") == 50)
            #expect(try await bench.number("SELECT count(DISTINCT xmin::text) FROM mq.messages") < 5)
        }
    }

    @Test("a message that the server refuses fails its own sender, and nobody else of the group")
    func refused() async throws {
        try await Bench.with(connections: 1) { bench in
            let sends = (0..<20).map { send($0, key: $0 == 7 ? "no\0text" : "text", bench) }
            let outcomes = try await together(on: bench, sends)
            for (number, outcome) in outcomes.enumerated() {
                guard number == 7 else {
                    try outcome.get()
                    continue
                }
                #expect(throws: PostgresError.self) { try outcome.get() }
            }
            #expect(try await bench.number("SELECT count(DISTINCT body) FROM mq.messages") == 19)
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
            let outcomes = try await together(on: bench, sends)
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

    @Test("a sender that is cancelled while it waits for its group stores nothing, and the others do")
    func cancelled() async throws {
        try await Bench.with(connections: 1) { bench in
            _ = try await bench.entry()
            let sends = (0..<20).map { send($0, bench) }
            let tasks = try await bench.database.withConnection { _ in
                let tasks = sends.map { send in Task.immediate { try await send() } }
                tasks[5].cancel()
                await #expect(throws: CancellationError.self) { try await tasks[5].value }
                return tasks
            }
            for (number, task) in tasks.enumerated() where number != 5 { try await task.value }
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 19)
        }
    }

    @Test("when the connection breaks, every sender of the group is told, and the next group is stored")
    func broken() async throws {
        try await Bench.with(connections: 1) { bench in
            _ = try await bench.entry()
            let backend = try await bench.database.query("SELECT pg_backend_pid()") { try $0[0, as: Int32.self] }[0]
            let other = Database(bench.database.conninfo)
            // The lanes' locks make no sender wait, so the table's lock does.
            let blocker = try await Connection.open(bench.database.conninfo)
            try await blocker.script("BEGIN; LOCK TABLE mq.messages_1 IN ACCESS EXCLUSIVE MODE")
            let tasks = (0..<10).map { number in Task.immediate { try await send(number, bench)() } }
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
            try await send(10, bench)()
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == stored + 1)
            await blocker.close()
            await other.close()
        }
    }
}
