import Postgres
import Testing

@testable import MessageQueue

@Suite("Sending once by key")
struct SendOnceTests {
    private func once(
        _ messages: [Outgoing<Shoe>], _ bench: Bench, to queue: Queue<Shoe> = Queue("shoes")
    ) async throws -> Int {
        try await bench.broker.sendOnce(messages, to: queue, by: \.key)
    }

    private func stored(_ bench: Bench) async throws -> [Int] {
        try await bench.receive().map { try $0.decoded(as: Shoe.self).payload.size }.sorted()
    }

    @Test("of messages that are sent once with one key the first is stored, and each queue counts by itself")
    func first() async throws {
        try await Bench.with { bench in
            try await bench.broker.declare(queue: "boots")
            let messages = [1, 2, 3].map { Outgoing(Shoe(size: $0), key: $0 == 3 ? "b" : "a") }
            #expect(try await once(messages, bench) == 2)
            #expect(try await once(messages, bench) == 0)
            #expect(try await once(messages, bench, to: Queue("boots")) == 2)
            #expect(try await stored(bench) == [1, 3])
        }
    }

    @Test("messages without a key that are sent once by key are never taken for one another")
    func keyless() async throws {
        try await Bench.with { bench in
            let messages = [Outgoing(Shoe(size: 1)), Outgoing(Shoe(size: 2))]
            let counts = [try await once(messages, bench), try await once(messages, bench)]
            #expect(counts == [2, 0], "the second time their ids are known")
            #expect(try await stored(bench) == [1, 2])
        }
    }

    @Test("a key that was sent once in a transaction that rolled back is free again")
    func rollback() async throws {
        struct Stop: Error {}
        try await Bench.with { bench in
            let message = Outgoing(Shoe(size: 1), key: "a")
            await #expect(throws: Stop.self) {
                try await bench.database.write { session in
                    let new = try bench.broker.sendOnce([message], to: bench.shoes, by: \.key, in: session)
                    #expect(new == 1)
                    throw Stop()
                }
            }
            let new = try await once([message], bench)
            #expect(new == 1)
            #expect(try await stored(bench) == [1])
        }
    }

    @Test("of many who send under one name at once one stores its messages, and all are told the same ids")
    func named() async throws {
        try await Bench.with(connections: 12) { bench in
            let answers = try await withThrowingTaskGroup(of: SentOnce.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        let messages = [1, 2, 3].map { Outgoing(Shoe(size: $0)) }
                        return try await bench.broker.sendOnce(
                            messages, to: bench.shoes, under: "request 1", fingerprint: "abc")
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let received = try await bench.receive()
            #expect(received.count == 3)
            let bySize = try received.sorted {
                try $0.decoded(as: Shoe.self).payload.size < $1.decoded(as: Shoe.self).payload.size
            }
            let ids = bySize.map(\.message.id)
            #expect(answers.count { $0 == .stored(ids) } == 1)
            #expect(answers.count { $0 == .repeated(ids) } == 19)
            #expect(ids.allSatisfy { $0.description.dropFirst(14).first == "7" } && Set(ids).count == 3)
        }
    }

    @Test("a name that was used for another request is refused, another name or queue is not, and ids differ each time")
    func namesOfOthers() async throws {
        try await Bench.with { bench in
            try await bench.broker.declare(queue: "boots")
            func send(_ size: Int, _ name: String, _ print: String, _ queue: String = "shoes") async throws -> SentOnce
            {
                try await bench.broker.sendOnce(
                    [Outgoing(Shoe(size: size))], to: Queue(QueueName(queue)), under: name, fingerprint: print)
            }
            guard case .stored(let first) = try await send(1, "a", "1"),
                case .stored(let second) = try await send(2, "b", "1"),
                case .stored(let third) = try await send(3, "a", "1", "boots")
            else {
                Issue.record("not stored")
                return
            }
            #expect(Set(first + second + third).count == 3)
            #expect(try await send(4, "a", "2") == .refused)
            #expect(try await send(5, "a", "1") == .repeated(first))
            #expect(try await stored(bench) == [1, 2])
        }
    }

    @Test("a name is free again after three days, and its next messages have ids of their own")
    func namesExpire() async throws {
        try await Bench.with { bench in
            func send(_ size: Int) async throws -> SentOnce {
                try await bench.broker.sendOnce(
                    [Outgoing(Shoe(size: size))], to: bench.shoes, under: "a", fingerprint: "\(size)")
            }
            let first = try await send(1)
            try await bench.database.execute("UPDATE mq.sent_keys SET expires_at = now()")
            let second = try await send(2)
            guard case .stored(let one) = first, case .stored(let other) = second else {
                Issue.record("\(first) \(second)")
                return
            }
            #expect(one != other)
            #expect(try await send(1) == .refused, "what is left of the first request says nothing any more")
            #expect(try await stored(bench) == [1, 2])
        }
    }

    @Test("a key that somebody is just taking anew is not forgotten, however long ago it expired")
    func takenAnew() async throws {
        try await Bench.with { bench in
            _ = try await once([Outgoing(Shoe(size: 1), key: "a")], bench)
            try await bench.database.execute("UPDATE mq.sent_keys SET expires_at = now() - interval '1 hour'")
            let taker = try await Connection.open(bench.database.conninfo)
            try await taker.script("BEGIN; UPDATE mq.sent_keys SET expires_at = now() + interval '1 hour'")
            #expect(try await bench.database.execute(SentKeys.ofQueues.forget) == 0)
            try await taker.script("COMMIT")
            await taker.close()
            let new = try await once([Outgoing(Shoe(size: 2), key: "a")], bench)
            #expect(new == 0)
        }
    }

    @Test("of many who publish under one name at once one is heard, once by each, and all are told the same ids")
    func publishedUnderName() async throws {
        try await Bench.with(connections: 12) { bench in
            let topic = Topic<Shoe>("news")
            try await bench.broker.declare(topic: topic.name)
            try await bench.broker.declare(queue: "boots")
            try await bench.broker.subscribe("shoes", to: topic.name)
            try await bench.broker.subscribe("boots", to: topic.name, tags: ["b"])
            @Sendable func publish(_ fingerprint: String = "abc") async throws -> SentOnce {
                let messages = [Outgoing(Shoe(size: 1), tag: "a"), Outgoing(Shoe(size: 2), tag: "b")]
                return try await bench.broker.publishOnce(messages, to: topic, under: "r", fingerprint: fingerprint)
            }
            let answers = try await withThrowingTaskGroup(of: SentOnce.self) { group in
                for _ in 0..<20 { group.addTask { try await publish() } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let ids = try #require(
                answers.lazy.compactMap { if case .repeated(let ids) = $0 { ids } else { nil } }.first)
            #expect(answers.count { $0 == .stored(ids) } == 1 && answers.count { $0 == .repeated(ids) } == 19)
            #expect(try await publish("other") == .refused)
            #expect(Set(try await bench.receive().map(\.message.id)) == Set(ids))
            let boots = try await bench.broker.receive("boots", limit: 10, lease: .seconds(60))
            #expect(boots.map(\.message.id) == [ids[1]])
            await #expect(throws: QueueError.unknownTopic("none")) {
                try await bench.broker.publishOnce(
                    [Outgoing(Shoe(size: 1))], to: Topic("none"), under: "r", fingerprint: "")
            }
            // A topic that is made anew knows nothing of what was published to the one before.
            _ = try await bench.broker.delete(topic: topic.name)
            try await bench.broker.declare(topic: topic.name)
            guard case .stored = try await publish("other") else {
                Issue.record("refused by a topic that is gone")
                return
            }
        }
    }
}
