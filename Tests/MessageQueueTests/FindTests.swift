import Foundation
import Postgres
import Testing

@testable import MessageQueue

@Suite("Messages are found without a scan")
struct FindTests {
    /// All pages of a search, with how many there were.
    private func pages(
        _ search: MessageSearch, limit: Int = 7, in bench: Bench
    ) async throws -> (entries: [TraceEntry], pages: Int) {
        var (entries, count, next) = ([TraceEntry](), 0, SearchPosition?.none)
        repeat {
            let page = try await bench.broker.find(search, from: next, limit: limit)
            #expect(page.entries.count <= limit)
            (entries, count, next) = (entries + page.entries, count + 1, page.next)
        } while next != nil
        return (entries, count)
    }

    @Test("the pages of a queue show each attempt once, the newest first, over several lanes and segments")
    func everything() async throws {
        try await Bench.with(QueueSettings(lanes: 3)) { bench in
            for round in 0..<6 {
                try await bench.send(10, from: round * 10)
                if round.isMultiple(of: 2) { try await bench.broker.retire(.init(keep: .seconds(3600), rotate: .zero)) }
            }
            let (entries, count) = try await pages(MessageSearch(.queue("shoes")), in: bench)
            #expect(Set(entries.compactMap(\.key)) == Set((0..<60).map { "k\($0)" }) && entries.count == 60)
            #expect(entries.map(\.appendedAt) == entries.map(\.appendedAt).sorted(by: >))
            #expect(count >= 9)
        }
    }

    @Test("a search for what was taken begins behind the backlog, and shows each attempt once, page by page")
    func claimed() async throws {
        try await Bench.with(QueueSettings(lanes: 2)) { bench in
            try await bench.send(40)
            let held = try await bench.receive(15)
            try await bench.broker.complete(Array(held.prefix(10)))
            try await bench.broker.retire(.init(keep: .seconds(3600), rotate: .zero), patience: .seconds(30))
            try await bench.send(40, from: 100)
            let (entries, _) = try await pages(MessageSearch(.queue("shoes"), isClaimed: true), in: bench)
            #expect(entries.count == 15 && Set(entries.compactMap(\.key)) == Set(held.compactMap(\.message.key)))
            #expect(entries.allSatisfy { $0.claimedAt != nil })
        }
    }

    @Test("what is sent while somebody turns pages is not among those that follow, and moves nothing there")
    func whileSending() async throws {
        try await Bench.with(QueueSettings(lanes: 2)) { bench in
            try await bench.send(20)
            let search = MessageSearch(.queue("shoes"))
            let first = try await bench.broker.find(search, limit: 8)
            try await bench.send(20, from: 100)
            let second = try await bench.broker.find(search, from: first.next, limit: 100)
            let keys = (first.entries + second.entries).compactMap(\.key)
            #expect(keys.count == 20 && Set(keys) == Set((0..<20).map { "k\($0)" }))
        }
    }

    @Test("a search for an outcome or for the text of an error finds those attempts and no others")
    func outcomes() async throws {
        try await Bench.with { bench in
            try await bench.send(6)
            let held = try await bench.receive(5)
            try await bench.broker.complete(Array(held[..<1]))
            try await bench.broker.retry([.init(held[1], after: .seconds(60), error: "Connection TIMEOUT at carrier")])
            try await bench.broker.deadLetter([.init(held[2], reason: "r", error: "card 50% declined")])
            func found(_ outcome: TraceEntry.Outcome?, _ error: String? = nil) async throws -> Set<MessageID> {
                let search = MessageSearch(.queue("shoes"), outcome: outcome, error: error)
                return Set(try await pages(search, in: bench).entries.map(\.message))
            }
            #expect(try await found(.done) == [held[0].message.id])
            #expect(try await found(.retried) == [held[1].message.id])
            #expect(try await found(.dead) == [held[2].message.id])
            #expect(try await found(.inFlight) == Set(held[3...].map(\.message.id)))
            #expect(try await found(.waiting).count == 1)
            #expect(try await found(nil, "timeout") == [held[1].message.id])
            #expect(try await found(nil, "50%") == [held[2].message.id])
            #expect(try await found(.dead, "timeout") == [])
            #expect(try await found(.waiting, "timeout") == [])
            await #expect(throws: QueueError.self) { try await found(.scheduled) }
        }
    }

    @Test("a search by topic and tag finds what was published, in each queue that hears the topic")
    func topics() async throws {
        try await Bench.with { bench in
            try await bench.broker.declare(topic: "sold")
            try await bench.broker.declare(queue: "boots")
            for queue in ["shoes", "boots"] as [QueueName] { try await bench.broker.subscribe(queue, to: "sold") }
            try await bench.send(3)
            let sold = Topic<Shoe>("sold")
            let red = Outgoing(Shoe(size: 1), tag: "red")
            try await bench.broker.publish([red, Outgoing(Shoe(size: 2), tag: "blue")], to: sold)
            let all = try await pages(MessageSearch(.topic("sold")), in: bench).entries
            #expect(all.count == 4 && Set(all.map(\.queue)) == ["shoes", "boots"])
            let tagged = try await pages(MessageSearch(.topic("sold"), tag: "red"), in: bench).entries
            #expect(tagged.map(\.message) == [red.id, red.id])
            await #expect(throws: QueueError.unknownTopic("lost")) {
                try await bench.broker.find(MessageSearch(.topic("lost")))
            }
            await #expect(throws: QueueError.unknownQueue("lost")) {
                try await bench.broker.find(MessageSearch(.queue("lost")))
            }
        }
    }

    @Test(
        "a stretch of time costs what is in it: its ends are found by bisection, over segments",
        .timeLimit(.minutes(10)))
    func time() async throws {
        try await Bench.with(QueueSettings(lanes: 2)) { bench in
            // A message a second and lane for a day, in two segments.
            try await bench.database.script(
                """
                UPDATE mq.segments SET opened_at = '2026-01-01';
                INSERT INTO mq.messages (seq, queue, lane, attempt, id, sent_at, appended_at, key, body)
                SELECT (1::bigint << 40) + n, \(bench.queue), lane, 1, gen_random_uuid(), t, t, lane || '-' || n, '{"size":1}'
                FROM generate_series(1, 43200) AS n, generate_series(0, 1) AS lane,
                    LATERAL (SELECT '2026-01-01'::timestamptz + make_interval(secs => n) AS t) AS x;
                SELECT mq.open_segment(2), mq.advance_head(2);
                UPDATE mq.segments SET opened_at = '2026-01-01 12:00:00' WHERE segment = 2;
                INSERT INTO mq.messages (seq, queue, lane, attempt, id, sent_at, appended_at, key, body)
                SELECT (2::bigint << 40) + n, \(bench.queue), lane, 1, gen_random_uuid(), t, t, lane || '-' || n, '{"size":1}'
                FROM generate_series(43201, 86400) AS n, generate_series(0, 1) AS lane,
                    LATERAL (SELECT '2026-01-01'::timestamptz + make_interval(secs => n) AS t) AS x;
                """)
            let day = try Date("2026-01-01T00:00:00Z", strategy: .iso8601)
            for start in [600.0, 43_150, 60_000] {
                let search = MessageSearch(
                    .queue("shoes"), since: day.addingTimeInterval(start), until: day.addingTimeInterval(start + 100))
                let page = try await bench.broker.find(search, limit: 1000)
                let expected = Set((Int(start)..<Int(start) + 100).flatMap { ["0-\($0)", "1-\($0)"] })
                #expect(Set(page.entries.compactMap(\.key)) == expected && page.entries.count == 200)
                #expect(page.next == nil && page.examined < 300, "\(page.examined) were looked at")
            }
            let before = MessageSearch(.queue("shoes"), until: day)
            #expect(try await bench.broker.find(before).entries.isEmpty)
            let after = MessageSearch(.queue("shoes"), since: day.addingTimeInterval(100_000))
            #expect(try await bench.broker.find(after).entries.isEmpty)
        }
    }

    @Test("a rare find takes several pages, each of which looks at ten thousand places at the most")
    func rare() async throws {
        try await Bench.with(QueueSettings(lanes: 2)) { bench in
            try await bench.database.execute(
                """
                INSERT INTO mq.messages (seq, queue, lane, attempt, id, sent_at, key, tag, body)
                SELECT (1::bigint << 40) + n, $1, lane, 1, gen_random_uuid(), now(), 'k', CASE WHEN n = 1 THEN 'rare' END, '{"size":1}'
                FROM generate_series(1, 12000) AS n, generate_series(0, 1) AS lane
                """, bench.queue)
            let search = MessageSearch(.queue("shoes"), tag: "rare")
            let first = try await bench.broker.find(search)
            #expect(first.entries.isEmpty && first.next != nil && first.examined <= 10_000)
            let (entries, count) = try await pages(search, in: bench)
            #expect(entries.count == 2 && count == 3)
        }
    }

    @Test("the walk goes along the primary key and sorts nothing, whatever the backlog")
    func plan() async throws {
        try await Bench.with { bench in
            try await bench.database.execute(
                """
                INSERT INTO mq.messages_1 (seq, queue, lane, attempt, id, sent_at, body)
                SELECT n, $1, 0, 1, gen_random_uuid(), now(), '{"size":1}'
                FROM generate_series((1::bigint << 40) + 1, (1::bigint << 40) + 20000) AS n
                """, bench.queue)
            try await bench.broker.retire(.init(keep: .seconds(3600), rotate: .zero))
            let connection = try await bench.database.dedicatedConnection(named: "planner")
            try await connection.script("SET plan_cache_mode = force_generic_plan; PREPARE walk AS \(Broker.walk.sql)")
            let plan = try await connection.query(
                "EXPLAIN (COSTS OFF) EXECUTE walk('{1}', '{0}', '{9}', '{0}', '{9}', 10, NULL, NULL, NULL, NULL, 'd', 'x')"
            ) { try $0[0, as: String.self] }
            await connection.close()
            let text = plan.joined(separator: "\n")
            #expect(text.contains("Index Scan Backward using messages_1_place"), "\(text)")
            #expect(!text.contains("Sort") && !text.contains("Seq Scan") && !text.contains("Bitmap"), "\(text)")
        }
    }

    @Test("a search that began in a database that was made anew since is refused")
    func otherDatabase() async throws {
        try await Bench.with { bench in
            try await bench.send(20)
            let page = try await bench.broker.find(MessageSearch(.queue("shoes")), limit: 5)
            var next = try #require(page.next)
            next = SearchPosition(reached: next.reached, mark: next.mark &+ 1)
            await #expect(throws: QueueError.self) {
                try await bench.broker.find(MessageSearch(.queue("shoes")), from: next)
            }
            await #expect(throws: QueueError.self) {
                try await bench.broker.find(MessageSearch(.queue("shoes")), limit: 0)
            }
        }
    }

    @Test("a message is shown with headers, body, attempts and what has its key, wherever it stands")
    func inspect() async throws {
        try await Bench.with { bench in
            let shoe = Outgoing(Shoe(size: 44), key: "order", tag: "t", headers: ["a": "b"])
            let later = Outgoing(Shoe(size: 45), key: "order", delay: .seconds(3600))
            try await bench.broker.send([shoe, later], to: bench.shoes)
            let waiting = try #require(try await bench.broker.inspect(shoe.id))
            #expect(waiting.message.headers == ["a": "b"] && waiting.message.body == Array(#"{"size":44}"#.utf8))
            #expect(waiting.isWhole && waiting.attempts.map(\.outcome) == [.waiting])
            #expect(Set(waiting.related.map(\.message)) == [shoe.id, later.id])
            #expect(try await bench.broker.inspect(later.id)?.attempts.map(\.outcome) == [.scheduled])
            try await bench.broker.deadLetter(try await bench.receive().map { .init($0, reason: "r", error: nil) })
            // Once its segment is dropped, the dead letter alone tells of it.
            try await bench.database.execute("DELETE FROM mq.messages")
            let dead = try #require(try await bench.broker.inspect(shoe.id, bodyLimit: 4))
            #expect(dead.attempts.map(\.outcome) == [.deadLetter] && dead.message.body == Array(#"{"si"#.utf8))
            #expect(dead.bodySize == 11 && !dead.isWhole)
            #expect(try await bench.broker.inspect(shoe.id, bodyLimit: .max)?.isWhole == true)
            #expect(try await bench.broker.inspect(MessageID()) == nil)
        }
    }

    @Test("a dead letter's own history is told with the message, also once its attempts are dropped with their segment")
    func kept() async throws {
        try await Bench.with { bench in
            let shoe = Outgoing(Shoe(size: 44), key: "order")
            try await bench.broker.send([shoe], to: bench.shoes)
            try await bench.broker.retry(
                try await bench.receive().map { .init($0, after: .seconds(60), error: "the carrier is away") })
            try await bench.promoteAll()
            #expect(try await bench.broker.inspect(shoe.id)?.kept == [])
            try await bench.broker.deadLetter(try await bench.receive().map { .init($0, reason: "r", error: "enough") })
            try await bench.database.execute("DELETE FROM mq.messages")
            let record = try #require(try await bench.broker.inspect(shoe.id))
            #expect(record.attempts.map(\.outcome) == [.deadLetter])
            #expect(record.kept.map(\.attempt) == [1, 2] && record.kept.map(\.outcome) == [.retried, .dead])
            #expect(record.kept.map(\.error) == ["the carrier is away", "enough"])
            #expect(record.kept.allSatisfy { $0.queue == "shoes" && $0.finishedAt != nil })
        }
    }
}
