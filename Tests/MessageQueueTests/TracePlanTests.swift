import Foundation
import Postgres
import Testing

@testable import MessageQueue

@Suite("A trace costs what it tells")
struct TracePlanTests {
    @Test(
        "of a key with many messages a trace reads as many as it tells, also by a plan that was made while there were none",
        arguments: [0, 30_000])
    func hotKey(storedWhenPlanned: Int) async throws {
        try await Bench.with { bench in
            try await bench.database.script("SELECT mq.open_segment(2); SELECT mq.advance_head(2)")
            try await Self.store(storedWhenPlanned, in: bench)
            let connection = try await Self.planner(in: bench)
            try await connection.script("EXECUTE trace (NULL, 'nothing', 10)")
            try await Self.store(30_000, from: storedWhenPlanned, segment: 2, in: bench)
            let plan = try await Self.planOfHotKey(by: connection)
            let looks = plan.filter { $0.contains(" on messages_") }
            for index in ["messages_1_key", "messages_2_key"] {
                #expect(looks.contains { $0.contains(index) }, "\(plan.joined(separator: "\n"))")
            }
            for look in looks { #expect(!look.contains("Seq Scan") && Self.rows(in: look) <= 11, "\(look)") }
        }
    }

    @Test("what is scheduled, held or dead under a key is read from its index on times, no more than is told")
    func besideTheLog() async throws {
        try await Bench.with { bench in
            try await bench.database.script(
                """
                INSERT INTO mq.scheduled (due_at, queue, attempt, id, sent_at, key, body)
                    SELECT now() + make_interval(secs => n), \(bench.queue), 1, gen_random_uuid(), now(), 'hot', '1'
                    FROM generate_series(1, 20000) AS n;
                INSERT INTO mq.held (rank, queue, attempt, id, sent_at, key, body)
                    SELECT n, \(bench.queue), 1, gen_random_uuid(), now(), 'hot', '1' FROM generate_series(1, 20000) AS n;
                INSERT INTO mq.dead_letters (queue, attempts, id, sent_at, reason, key, body)
                    SELECT \(bench.queue), 1, gen_random_uuid(), now(), 'r', 'hot', '1' FROM generate_series(1, 20000) AS n
                """)
            let plan = try await Self.planOfHotKey(by: Self.planner(in: bench))
            for index in ["scheduled_key", "held_key", "dead_letters_key"] {
                let walk = plan.first { $0.contains("Index Scan Backward using \(index)") }
                #expect(walk.map { Self.rows(in: $0) <= 11 } == true, "\(index): \(plan.joined(separator: "\n"))")
            }
        }
    }

    /// A connection that makes one plan of the trace for all keys.
    private static func planner(in bench: Bench) async throws -> Connection {
        let connection = try await bench.database.dedicatedConnection(named: "planner")
        try await connection.script(
            "SET plan_cache_mode = force_generic_plan; PREPARE trace AS \(Broker.trace.sql)")
        return connection
    }

    /// Carried out, at the connection's end.
    private static func planOfHotKey(by connection: Connection) async throws -> [String] {
        let explain = Statement("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE trace (NULL, 'hot', 10)")
        let plan = try await connection.query(explain) { row in try row[0, as: String.self] }
        await connection.close()
        return plan
    }

    @Test("of a key with many messages the newest are told, in the order of their times")
    func newest() async throws {
        try await Bench.with { bench in
            try await Self.store(2000, in: bench)
            let entries = try await bench.broker.trace("hot", limit: 5)
            #expect(entries.map(\.tag) == ["1995", "1996", "1997", "1998", "1999"])
            #expect(try await bench.broker.trace("hot").count == 2000)
        }
    }

    @Test("a trace is of the key as it was sent, and of an id however it is written; an id is also a key in lower case")
    func spellings() async throws {
        try await Bench.with { bench in
            let (own, lower, upper) = (MessageID(), MessageID(), UUID().uuidString)
            let digits = own.description.replacing("-", with: "").uppercased()
            try await bench.broker.send([Outgoing(Shoe(size: 1), id: own, tag: "own")], to: bench.shoes)
            for key in ["\(lower)", upper, "A1", "a1"] {
                try await bench.broker.send([Outgoing(Shoe(size: 2), key: key, tag: "of \(key)")], to: bench.shoes)
            }
            for (text, tags) in [
                (own.description.uppercased(), ["own"]), (digits, ["own"]), ("\(lower)", ["of \(lower)"]),
                (lower.description.uppercased(), ["of \(lower)"]), (upper, ["of \(upper)"]), ("A1", ["of A1"]),
                ("a1", ["of a1"]), (upper.lowercased(), []),
            ] { #expect(try await bench.broker.trace(text).compactMap(\.tag) == tags, "\(text)") }
        }
    }

    @Test("a message whose key is its own id is told once")
    func ownKey() async throws {
        try await Bench.with { bench in
            let shoe = Outgoing(Shoe(size: 1))
            try await bench.broker.send(Draft(body: Array("{}".utf8), id: shoe.id, key: "\(shoe.id)"), to: "shoes")
            try await bench.broker.send([Outgoing(Shoe(size: 2), key: "\(shoe.id)")], to: bench.shoes)
            let entries = try await bench.broker.trace("\(shoe.id)")
            #expect(entries.count == 2 && Set(entries.map(\.message)).count == 2)
        }
    }

    /// How many rows a line of a plan says that there really were.
    private static func rows(in line: String) -> Int {
        line.firstMatch(of: /rows=([0-9]+)/).flatMap { Int($0.output.1) } ?? 0
    }

    /// Messages of one key, a second apart.
    private static func store(
        _ count: Int, from first: Int = 0, segment: Int64 = 1, in bench: Bench
    ) async throws {
        try await bench.database.execute(
            """
            INSERT INTO mq.messages (seq, queue, lane, attempt, id, sent_at, appended_at, key, tag, body)
            SELECT ($4::bigint << 40) + 1 + n, $1, 0, 1, gen_random_uuid(), now(),
                '2026-01-01'::timestamptz + make_interval(secs => n), 'hot', n::text, '{"size":1}'
            FROM generate_series($2::int, $3::int - 1) AS n
            """, bench.queue, Int32(first), Int32(first + count), segment)
    }
}
