import Foundation
import Postgres
import Testing

@testable import MessageQueue

@Suite("Dead letters stay until an operator moves them, and are conserved")
struct DeadLetterTests {
    private func kill(_ count: Int, _ bench: Bench, reason: String = "test") async throws {
        try await bench.send(count)
        let held = try await bench.receive()
        #expect(held.count == count)
        try await bench.broker.deadLetter(held.map { .init($0, reason: reason, error: "why") })
    }

    @Test("a message whose retries are used up ends as a dead letter with the whole history")
    func history() async throws {
        try await Bench.with { bench in
            try await bench.broker.send(
                [Outgoing(Shoe(size: 44), key: "k", tag: "t", headers: ["a": "b"])], to: bench.shoes)
            for attempt in 1...3 {
                let held = try await bench.receive()
                #expect(held.map(\.attempt) == [attempt])
                if attempt < 3 {
                    try await bench.broker.retry([.init(held[0], after: .seconds(60), error: "no \(attempt)")])
                    #expect(try await bench.receive().isEmpty, "not before it is due")
                    try await bench.promoteAll()
                } else {
                    try await bench.broker.deadLetter([.init(held[0], reason: "tired", error: "no 3")])
                }
            }
            let dead = try #require(try await bench.broker.deadLetters().first)
            #expect(dead.reason == "tired" && dead.attempts == 3 && dead.error == "no 3")
            #expect(dead.message.key == "k" && dead.message.tag == "t" && dead.message.headers == ["a": "b"])
            let outcomes = try await bench.database.query(
                """
                SELECT string_agg(h->>'outcome' || (h->>'error'), ',') FROM mq.dead_letters, \
                jsonb_array_elements(history) AS h
                """
            ) { try $0[0, as: String.self] }
            #expect(outcomes == ["rno 1,rno 2,fno 3"])
            let trace = try await bench.broker.trace("k")
            #expect(trace.map(\.outcome) == [.retried, .retried, .dead, .deadLetter])
            #expect(
                trace.prefix(3).allSatisfy {
                    $0.worker == "test/1 here 1" && $0.claimedAt != nil && $0.finishedAt != nil
                }
            )
        }
    }

    @Test("a purge or redrive that is held to the last letter of a count goes no further, however many died since")
    func through() async throws {
        try await Bench.with { bench in
            try await kill(2, bench)
            let counted = try await bench.broker.deadLetterMatch()
            let first = try #require(try await bench.broker.deadLetters().first).ticket
            #expect(try await bench.broker.redrive(DeadLetterFilter(tickets: [first])).moved == 1)
            try await bench.broker.deadLetter(try await bench.receive().map { .init($0, reason: "again", error: nil) })
            let now = try await bench.broker.deadLetterMatch()
            #expect(counted.count == 2 && now.count == 2 && now.lastTicket != counted.lastTicket)

            let last = try #require(counted.lastTicket)
            let held = DeadLetterFilter(through: last)
            #expect(try await bench.broker.deadLetterMatch(held).count == 1)
            #expect(try await bench.broker.deadLetterHeads(held).map(\.ticket) == [last])
            let purge = try await bench.broker.purge(held)
            #expect(purge.matched == 1 && purge.moved == 1)
            #expect(try await bench.broker.redrive(held).matched == 0)
            #expect(try await bench.broker.deadLetters().map(\.reason) == ["again"])
        }
    }

    @Test("where nothing is dead, nothing is counted, and there is no last letter")
    func noMatch() async throws {
        try await Bench.with { bench in
            let match = try await bench.broker.deadLetterMatch()
            #expect(match == DeadLetterMatch(count: 0, lastTicket: nil))
        }
    }

    @Test(
        "a redrive moves each dead letter once: moved + skipped + failed = matched, also with four at once and a purge between"
    )
    func together() async throws {
        try await Bench.with { bench in
            try await kill(300, bench)
            let reports = try await withThrowingTaskGroup(of: (Bool, RedriveReport).self) { group in
                for number in 0..<4 {
                    group.addTask {
                        number == 3
                            ? (false, try await bench.broker.purge(.init(key: "k7")))
                            : (true, try await bench.broker.redrive(rate: 100_000))
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for (_, report) in reports {
                #expect(report.moved + report.skipped + report.failed == report.matched)
                #expect(report.moved >= 0 && report.skipped >= 0 && report.failed >= 0)
            }
            let left = try await bench.statistics()
            let moved = reports.filter(\.0).reduce(0) { $0 + $1.1.moved }
            let purged = reports.filter { !$0.0 }.reduce(0) { $0 + $1.1.moved }
            #expect(moved + purged + left.dead == 300 && left.purged == purged)
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 300 + moved)
            #expect(try await bench.number("SELECT count(DISTINCT id) FROM mq.messages") == 300)
            #expect(try await bench.receive().allSatisfy { $0.attempt == 1 })
        }
    }

    @Test("a dead letter that the server refuses to send back, the first or the last, stays, and the others are moved")
    func refused() async throws {
        for key in ["k0", "k19"] {
            try await Bench.with(QueueSettings(lanes: 1)) { bench in
                try await kill(20, bench)
                try await bench.database.script(
                    """
                    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                        $$ BEGIN IF OLD.key = '\(key)' THEN RAISE EXCEPTION 'this one stays'; END IF; RETURN OLD; END $$;
                    CREATE TRIGGER refuses BEFORE DELETE ON mq.dead_letters FOR EACH ROW EXECUTE FUNCTION refuse()
                    """)
                let report = try await bench.broker.redrive()
                #expect(report.matched == 20 && report.moved == 19 && report.failed == 1 && report.skipped == 0)
                #expect(try await bench.broker.deadLetters().map(\.message.key) == [key])
                let actions = try await bench.database.query(
                    "SELECT messages FROM mq.operator_actions WHERE ended_at IS NOT NULL"
                ) { try $0[0, as: Int.self] }
                #expect(actions == [19])
                #expect(try await bench.audit() == [])
            }
        }
    }

    @Test("without a free lane a redrive moves nothing, and says so")
    func noLane() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            try await kill(5, bench)
            let holder = try await bench.database.dedicatedConnection(named: "holder")
            try await holder.execute("SELECT pg_advisory_lock($1, 0)", 1_836_122_112 + bench.queue)
            let report = try await bench.broker.redrive()
            #expect(report.matched == 5 && report.failed == 5 && report.moved == 0)
            #expect(try await bench.statistics().dead == 5)
            await holder.close()
        }
    }

    @Test("filters choose dead letters by queue, reason, age, id and key, and a purge takes only those")
    func filters() async throws {
        try await Bench.with { bench in
            try await kill(3, bench, reason: "one")
            try await bench.send(1, from: 10)
            try await bench.broker.deadLetter(try await bench.receive().map { .init($0, reason: "two", error: nil) })
            let all = try await bench.broker.deadLetters()
            #expect(all.count == 4)
            #expect(try await bench.broker.deadLetters(.init(reason: "one")).count == 3)
            #expect(try await bench.broker.deadLetters(.init(queue: "none")).isEmpty)
            #expect(try await bench.broker.deadLetters(.init(olderThan: .seconds(3600))).isEmpty)
            #expect(try await bench.broker.deadLetters(.init(message: all[0].message.id)).count == 1)
            #expect(try await bench.broker.purge(.init(key: "k1")).moved == 1)
            #expect(try await bench.broker.purge(.init(key: "k1")).matched == 0)
            let statistics = try await bench.statistics()
            #expect(statistics.dead == 3 && statistics.purged == 1)
        }
    }

    @Test("a delayed message is scheduled until it is due, and a released one keeps its attempt")
    func scheduled() async throws {
        try await Bench.with { bench in
            try await bench.broker.send(
                [Outgoing(Shoe(size: 1), delay: .seconds(3600)), Outgoing(Shoe(size: 2))], to: bench.shoes)
            let held = try await bench.receive()
            #expect(held.count == 1)
            let promotion = try await bench.broker.promote(bench.entry(), on: bench.database)
            #expect(promotion.moved == 0 && (promotion.nextDue ?? .zero) > .seconds(3000))
            try await bench.broker.release(held)
            try await bench.promoteAll()
            #expect(try await bench.receive().map(\.attempt) == [1, 1])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a paused queue takes messages and delivers none until it is resumed")
    func pausing() async throws {
        try await Bench.with { bench in
            try await bench.broker.pause("shoes")
            try await bench.send(2)
            #expect(try await bench.receive().isEmpty)
            let paused = try await bench.statistics()
            #expect(paused.isPaused && paused.depth == 2)
            try await bench.broker.resume("shoes")
            #expect(try await bench.receive().count == 2)
            await #expect(throws: QueueError.unknownQueue("none")) { try await bench.broker.pause("none") }
        }
    }
}
