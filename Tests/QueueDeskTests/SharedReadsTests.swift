import MessageQueue
import Postgres
import TestSupport
import Testing

@testable import QueueDesk

@Suite("What open pages read is read once for all of them")
struct SharedReadsTests {
    private static let hour = Duration.seconds(3600)

    @Test("whoever asks while it is being read, or soon after, gets the same answer")
    func together() async throws {
        let (reads, gate, asked, taken) = (SharedReads(), Places(0), Tally(0), Tally(0))
        let crowd = 50
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<crowd {
                group.addTask {
                    // The last to come lets it go on.
                    var number = 0
                    asked.change { asked in
                        asked += 1
                        number = asked
                    }
                    if number == crowd { for _ in 0..<crowd { gate.giveBack() } }
                    return try await reads.answer(to: "it", notOlderThan: Self.hour) {
                        await gate.take()
                        taken.change { $0 += 1 }
                        return taken.value
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == Array(repeating: 1, count: crowd))
    }

    @Test("what is old is read anew, and so is another question, another kind of answer, and what failed")
    func apart() async throws {
        struct Away: Error {}
        let reads = SharedReads()
        func ask<T: Sendable>(_ question: String, _ value: T, age: Duration = Self.hour) async throws -> T {
            try await reads.answer(to: question, notOlderThan: age) { value }
        }
        #expect(try await ask("a", 1) == 1)
        #expect(try await ask("b", 2) == 2)
        #expect(try await ask("a", "text") == "text")
        #expect(try await ask("a", 3) == 1)
        #expect(try await ask("b", 4, age: .zero) == 4)
        await #expect(throws: Away.self) {
            try await reads.answer(to: "c", notOlderThan: Self.hour) { () -> Int in throw Away() }
        }
        #expect(try await ask("c", 5) == 5)
    }

    @Test("whoever asks after a change is not told what was read before it, nor what was being read meanwhile")
    func change() async throws {
        let (reads, gate, begun) = (SharedReads(), Places(0), Places(0))
        async let before = reads.answer(to: "it", notOlderThan: Self.hour) { () -> String in
            begun.giveBack()
            await gate.take()
            return "before"
        }
        await begun.take()
        await reads.forget()
        let after = try await reads.answer(to: "it", notOlderThan: Self.hour) { "after" }
        gate.giveBack()
        #expect(try await before == "before")
        let later = try await reads.answer(to: "it", notOlderThan: Self.hour) { "later" }
        #expect(after == "after" && later == "after")
    }
}

extension DeskTests {
    @Test("however many have a page open, its statements are made once for all of them")
    func manyDesks() async throws {
        try await Desk.with(before: { database in
            // Looks like the table, and counts how often it is read.
            try await database.script(
                """
                ALTER TABLE mq.operator_actions RENAME TO kept;
                CREATE SEQUENCE mq.reads;
                CREATE FUNCTION mq.read_actions() RETURNS SETOF mq.kept LANGUAGE plpgsql AS
                    'BEGIN PERFORM nextval(''mq.reads''); RETURN QUERY SELECT * FROM mq.kept; END';
                CREATE VIEW mq.operator_actions AS SELECT * FROM mq.read_actions()
                """)
        }) { desk async throws in
            let start = ContinuousClock.now
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<50 { group.addTask { try await desk.page("/audit") } }
                for try await page in group { #expect(page.contains("Nobody has changed anything yet.")) }
            }
            let reads = try await desk.database.query("SELECT nextval('mq.reads') - 1") { try $0[0, as: Int64.self] }
            // The page looks anew every five seconds.
            let most = 1 + (ContinuousClock.now - start) / Duration.seconds(2.5)
            #expect(reads[0] >= 1 && Double(reads[0]) <= most, "\(reads)")
        }
    }

    @Test("after a change at the desk the next page shows it, whoever has just looked")
    func changeIsShown() async throws {
        try await Desk.with { desk async throws in
            #expect(try await desk.page("/audit").contains("Nobody has changed anything yet."))
            #expect(try await desk.page("/queues/payment").contains("Deliveries a second"))
            #expect(try await desk.post("/queues/payment/limit", "concurrency=7").status == 303)
            #expect(try await desk.page("/audit").contains(">limit</a>"))
            #expect(try await desk.page("/queues/payment").contains("name=\"concurrency\" type=\"number\" value=\"7\""))
        }
    }
}
