import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A half message is heard once it is committed, exactly once, or never", .timeLimit(.minutes(10)))
struct HalfMessageTests {
    let news = Topic<Shoe>("news")

    func with(_ body: @Sendable (Bench) async throws -> Void) async throws {
        try await Bench.with(connections: 12) { bench in
            try await bench.broker.declare(topic: "news")
            try await bench.broker.subscribe("shoes", to: "news", tags: ["red"])
            try await bench.broker.declare(queue: "boots", QueueSettings(priorities: .sixteen))
            try await bench.broker.subscribe("boots", to: "news")
            try await body(bench)
            #expect(try await bench.audit() == [])
        }
    }

    func prepare(_ bench: Bench, _ message: Outgoing<Shoe>, by group: String = "shop") async throws
        -> HalfReceipt
    {
        try await bench.broker.prepare(message, to: news, by: group, check: .seconds(60))
    }

    func asked(_ bench: Bench, limit: Int = 10, by group: String = "shop") async throws -> [HalfMessage] {
        try await bench.broker.halfMessages(of: group, in: "news", limit: limit)
    }

    /// The time of every receipt has passed.
    func endReceipts(_ bench: Bench) async throws {
        try await bench.database.execute("UPDATE mq.half_messages SET check_at = now() - interval '1 second'")
    }

    func heard(_ bench: Bench, by queue: QueueName) async throws -> [Message] {
        try await bench.broker.receive(queue, limit: 1000, lease: .seconds(60)).map(\.message)
    }

    @Test("nobody hears a half message before its commit, and then everybody whom its tag concerns, as it was prepared")
    func commit() async throws {
        try await with { bench in
            let message = Outgoing(
                Shoe(size: 1), key: "k", tag: "blue", headers: ["a": "b"], priority: Priority(clamping: 3))
            let receipt = try await prepare(bench, message)
            #expect(try await heard(bench, by: "boots").isEmpty)
            #expect(try await bench.another().commit(half: #require(HalfReceipt(receipt.description))))
            let copies = try await bench.broker.receive("boots", lease: .seconds(60))
            #expect(copies.map(\.message.id) == [message.id] && copies[0].priority.number == 3)
            let copy = copies[0].message
            #expect(copy.key == "k" && copy.tag == "blue" && copy.headers == ["a": "b"] && copy.topic == "news")
            #expect(try await heard(bench, by: "shoes").isEmpty)
            #expect(try await bench.broker.commit(half: receipt) == false)
            #expect(try await bench.broker.rollback(half: receipt) == false)
        }
    }

    @Test("a half message that is rolled back is gone; one committed in a transaction that rolls back is still there")
    func rollback() async throws {
        struct Stop: Error {}
        try await with { bench in
            let gone = try await prepare(bench, Outgoing(Shoe(size: 1)))
            #expect(try await bench.broker.rollback(half: gone))
            #expect(try await bench.broker.commit(half: gone) == false)
            let kept = try await prepare(bench, Outgoing(Shoe(size: 2)))
            await #expect(throws: Stop.self) {
                try await bench.database.write { session in
                    #expect(try bench.broker.commit(half: kept, in: session))
                    throw Stop()
                }
            }
            #expect(try await heard(bench, by: "boots").isEmpty)
            #expect(try await bench.broker.commit(half: kept))
            #expect(try await heard(bench, by: "boots").count == 1)
        }
    }

    @Test("only the producers of a half message are asked once its time has passed, each time by another receipt")
    func checks() async throws {
        try await with { bench in
            let message = Outgoing(Shoe(size: 1), key: "k", tag: "red")
            let first = try await prepare(bench, message)
            _ = try await prepare(bench, Outgoing(Shoe(size: 2)), by: "others")
            #expect(try await asked(bench).isEmpty, "it is not time yet")
            try await endReceipts(bench)
            #expect(try await bench.broker.commit(half: first) == false, "its time has passed")
            let second = try await asked(bench)
            #expect(second.map(\.message.id) == [message.id] && second[0].checks == 1)
            #expect(second[0].message.key == "k" && second[0].message.tag == "red" && second[0].message.topic == "news")
            #expect(second[0].message.body == Array("{\"size\":1}".utf8))
            #expect(try await asked(bench).isEmpty, "somebody has just been asked")
            try await endReceipts(bench)
            let third = try await asked(bench)
            #expect(third.map(\.checks) == [2])
            #expect(try await bench.broker.rollback(half: second[0].receipt) == false)
            #expect(try await bench.broker.commit(half: third[0].receipt))
            #expect(try await heard(bench, by: "shoes").map(\.id) == [message.id])
            #expect(try await asked(bench, by: "others").count == 1)
        }
    }

    @Test("a half message is dropped and counted after a day, unless somebody was just asked; with its topic it goes")
    func aDay() async throws {
        try await with { bench in
            for size in 0..<3 { _ = try await prepare(bench, Outgoing(Shoe(size: size))) }
            try await endReceipts(bench)
            let just = try await asked(bench, limit: 1)[0]
            try await bench.database.execute("UPDATE mq.half_messages SET prepared_at = now() - interval '25 hours'")
            #expect(try await asked(bench).isEmpty, "nobody is asked any more")
            #expect(try await bench.broker.dropHalves() == 2)
            #expect(try await bench.broker.topic("news").droppedHalfMessages == 2)
            #expect(try await bench.broker.commit(half: just.receipt))
            #expect(try await bench.broker.dropHalves() == 0)
            let lost = try await prepare(bench, Outgoing(Shoe(size: 9)))
            #expect(try await bench.broker.delete(topic: "news"))
            #expect(try await bench.broker.commit(half: lost) == false)
            #expect(try await bench.number("SELECT count(*) FROM mq.half_messages") == 0)
        }
    }

    @Test(
        "a topic that isn't there, a delay, a time out of range and a group beyond its limit are refused; other texts are no receipts"
    )
    func nonsense() async throws {
        try await with { bench in
            let message = Outgoing(Shoe(size: 1))
            await #expect(throws: QueueError.unknownTopic("none")) {
                try await bench.broker.prepare(message, to: Topic("none"), by: "shop", check: .seconds(60))
            }
            await #expect(throws: QueueError.unknownTopic("none")) {
                try await bench.broker.halfMessages(of: "shop", in: "none")
            }
            for time in [Duration.zero, .seconds(90_000)] {
                await #expect(throws: QueueError.self) {
                    try await bench.broker.prepare(message, to: news, by: "shop", check: time)
                }
                await #expect(throws: QueueError.self) {
                    try await bench.broker.halfMessages(of: "shop", in: "news", lasting: time)
                }
            }
            await #expect(throws: QueueError.self) {
                try await prepare(bench, message, by: String(repeating: "x", count: 2000))
            }
            await #expect(throws: QueueError.self) {
                try await prepare(bench, Outgoing(Shoe(size: 1), delay: .seconds(1)))
            }
            for text in ["", "h", "h.1.2", "s.1.2.3", "1.2.3.4", "h.x.0.1"] { #expect(HalfReceipt(text) == nil) }
            let known = try await prepare(bench, message)
            let stranger = HalfReceipt(number: known.number, turn: known.turn, mark: known.mark ^ 1)
            #expect(try await bench.broker.commit(half: stranger) == false)
            #expect(try await bench.broker.rollback(half: stranger) == false)
            #expect(try await bench.broker.rollback(half: known))
        }
    }

    /// What has become of each message, as a plain table, by the answers that its producers got.
    private struct Book {
        var committed: Set<MessageID> = []
        var rolledBack: Set<MessageID> = []
        /// The answer was lost: one or the other.
        var unknown: Set<MessageID> = []
    }

    @Test(
        "of commits, rollbacks and checks at once, with server processes killed under them, each message has one end",
        arguments: 1...3)
    func stampede(round: Int) async throws {
        try await with { bench in
            let messages = (0..<60).map { Outgoing(Shoe(size: $0), tag: $0 % 2 == 0 ? "red" : "blue") }
            let book = Tally(Book())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for message in messages {
                    group.addTask {
                        let (id, receipt) = try await prepareSurely(bench, message)
                        await withTaskGroup(of: Void.self) { rivals in
                            for number in 0..<3 {
                                rivals.addTask { await end(id, receipt, commits: number != 1, bench, book) }
                            }
                        }
                    }
                }
                group.addTask { try await kill(8, in: bench) }
                group.addTask {
                    for _ in 0..<10 {
                        try? await endReceipts(bench)
                        for half in (try? await asked(bench, limit: 20)) ?? [] {
                            await end(half.message.id, half.receipt, commits: Bool.random(), bench, book)
                        }
                    }
                }
                try await group.waitForAll()
            }
            // Connections that were ended under the pool's hands.
            for _ in 0..<20 { _ = try? await bench.number("SELECT 1") }
            while try await bench.number("SELECT count(*) FROM mq.half_messages") > 0 {
                try await endReceipts(bench)
                for half in try await asked(bench, limit: 20) {
                    await end(half.message.id, half.receipt, commits: true, bench, book)
                }
            }
            try await bench.promoteAll()
            while try await bench.broker.promote(bench.entry("boots"), on: bench.database).moved > 0 {}
            let heardByAll = try await heard(bench, by: "boots")
            let (all, red) = (heardByAll.map(\.id), try await heard(bench, by: "shoes").map(\.id))
            let ends = book.value
            #expect(Set(all).count == all.count && Set(red).count == red.count)
            #expect(ends.committed.isDisjoint(with: ends.rolledBack))
            #expect(ends.committed.isSubset(of: all) && ends.rolledBack.isDisjoint(with: all))
            #expect(Set(all).subtracting(ends.committed).isSubset(of: ends.unknown))
            let reds = heardByAll.filter { $0.tag == "red" }.map(\.id)
            #expect(Set(red) == Set(reds), "in each matching subscription's queue, or in none")
        }
    }

    private func prepareSurely(_ bench: Bench, _ message: Outgoing<Shoe>) async throws -> (MessageID, HalfReceipt) {
        while true {
            // One whose answer was lost is asked about, and so comes to an end of its own: this one is another.
            let another = Outgoing(message.payload, tag: message.tag)
            do { return (another.id, try await prepare(bench, another)) } catch is PostgresError {}
        }
    }

    private func end(
        _ id: MessageID, _ receipt: HalfReceipt, commits: Bool, _ bench: Bench, _ book: Tally<Book>
    ) async {
        do {
            let broker = bench.broker
            let won = commits ? try await broker.commit(half: receipt) : try await broker.rollback(half: receipt)
            guard won else { return }
            book.change { if commits { $0.committed.insert(id) } else { $0.rolledBack.insert(id) } }
        } catch {
            if commits { book.change { $0.unknown.insert(id) } }
        }
    }

    private func kill(_ times: Int, in bench: Bench) async throws {
        for _ in 0..<times {
            _ = try? await bench.database.query(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY random() LIMIT 2
                """
            ) { try $0[0, as: Bool.self] }
        }
    }
}
