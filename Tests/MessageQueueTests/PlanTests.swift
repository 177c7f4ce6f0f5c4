import Postgres
import Testing

@testable import MessageQueue

@Suite("Plans that cannot degrade")
struct PlanTests {
    @Test("open places are looked up run by run or one by one: what else has been completed costs nothing")
    func openPlaces() async throws {
        let values = [
            (Broker.depths, ["NULL"]),
            (
                Broker.openSince,
                ["1", "'{1}'::smallint[]", "'{1}'::bigint[]", "'{1}'::bigint[]", "NULL::bigint[]", "true"]
            ),
        ]
        try await Bench.with { bench in
            // Enough that reading all of them would look cheap to a planner without statistics.
            try await bench.database.execute(
                """
                INSERT INTO mq.completions_1 (queue, lane, seq, outcome)
                SELECT $1, 0, n, 'd' FROM generate_series((1::bigint << 40) + 1, (1::bigint << 40) + 20000) AS n
                """, bench.queue)
            for (statement, arguments) in values {
                let plan = try await Self.plan(of: statement, arguments, in: bench.database)
                #expect(!plan.contains { $0.contains("Anti Join") }, "\(plan.joined(separator: "\n"))")
                for (number, line) in plan.enumerated() where line.contains(" on completions_1") {
                    #expect(line.contains("Index"), "\(line)")
                    // Of several of one name the plan numbers all but the first.
                    let condition = plan[number + 1].replacing(/_[0-9]+\./, with: ".")
                    let isBounded =
                        condition.contains("(seq = ")
                        || condition.contains("(seq >= c.first_seq)") && condition.contains("(seq <= c.last_seq)")
                        || condition.contains("(seq >= r.first)") && condition.contains("(seq <= r.last)")
                    #expect(isBounded, "\(condition)")
                }
                #expect(plan.contains { $0.contains("completions_1") })
            }
        }
    }

    @Test(
        "a message is found by its id, and not by reading its queue, however much was there when it was planned",
        arguments: [0, 20_000, 200_000])
    func byID(stored: Int) async throws {
        try await Bench.with { bench in
            try await bench.database.execute(
                """
                INSERT INTO mq.messages_1 (seq, queue, lane, attempt, id, sent_at, body)
                SELECT (1::bigint << 40) + n, $1, 0, 1, gen_random_uuid(), now(), '1' FROM generate_series(1, $2::int) AS n
                """, bench.queue, Int32(stored))
            for (statement, arguments) in [
                (Broker.firstReceived, ["\(bench.queue)", "'{}'::uuid[]"]), (Broker.redriven, ["1", "0", "10"]),
                (Statement("SELECT \(Broker.history(of: "h")) FROM mq.held h"), []),
            ] {
                let plan = try await Self.plan(of: statement, arguments, in: bench.database)
                let looks = plan.filter { $0.contains("Scan") && $0.contains(" on messages_1") }
                let ways = looks.filter { !$0.contains("Bitmap Heap Scan") }
                #expect(!ways.isEmpty && ways.allSatisfy { $0.contains("messages_1_id") }, "\(plan)")
            }
        }
    }

    @Test("what one person did, or what was done to one queue or by one verb, is found by an index of its own")
    func actions() async throws {
        try await Bench.with { bench in
            try await bench.database.execute(
                """
                INSERT INTO mq.operator_actions (verb, queue, operator, via)
                SELECT 'verb ' || n % 100, 'queue ' || n % 100, 'person ' || n % 100, 'desk'
                FROM generate_series(1, 20000) AS n
                """)
            for (statement, values, index) in [
                (Broker.listActionsByPerson, ["NULL", "'person 7'", "NULL"], "operator_actions_person"),
                (Broker.listActionsByQueue, ["'queue 7'", "NULL", "NULL"], "operator_actions_queue"),
                (Broker.listActionsByVerb, ["NULL", "NULL", "'verb 7'"], "operator_actions_verb"),
                (Broker.listActions, ["NULL", "NULL", "NULL"], "operator_actions_pkey"),
            ] {
                let plan = try await Self.plan(of: statement, ["20000"] + values + ["100"], in: bench.database)
                let text = plan.joined(separator: "\n")
                #expect(text.contains(index) && !text.contains("Seq Scan"), "\(text)")
            }
        }
    }

    @Test("a claim walks the head's index lane by lane, and looks before the head only for lanes that are behind")
    func claim() async throws {
        try await Bench.with { bench in
            try await bench.database.execute(
                """
                INSERT INTO mq.messages_1 (seq, queue, lane, attempt, id, sent_at, body)
                SELECT n, $1, 0, 1, gen_random_uuid(), now(), '{"size":1}'
                FROM generate_series((1::bigint << 40) + 1, (1::bigint << 40) + 20000) AS n
                """, bench.queue)
            let home = try await bench.entry().origin.home
            let values = ["\(bench.queue)", "0", "500", "1", "NULL", "'{}'", "NULL", "NULL", "0", "\(home)"]
            for statement in [Broker.claim, Broker.claimHandful] {
                let plan = try await Self.plan(of: statement, values, in: bench.database)
                let walk = try #require(plan.first { $0.contains(" on messages_1") })
                #expect(walk.contains("Index Scan using messages_1_place"), "\(walk)")
                let look = try #require(plan.firstIndex { $0.contains("Function Scan on read_behind") })
                #expect(plan[look - 1].contains("One-Time Filter: lane.behind"), "\(plan[look - 1])")
                #expect(!plan.contains { $0.contains("Sort") }, "\(plan.joined(separator: "\n"))")
            }
        }
    }

    @Test(
        "beside a message that is held for long, a look reads what is open, and nothing of what was finished meanwhile")
    func heldForLong() async throws {
        try await Bench.with(.init(lanes: 1)) { bench in
            let hour = Duration.seconds(3600)
            try await bench.send(1)
            let held = try await bench.broker.receive("shoes", lease: hour)
            for _ in 0..<20 {
                try await bench.send(50)
                try await bench.broker.complete(bench.broker.receive("shoes", limit: 50, lease: hour))
            }
            let entry = try await bench.entry()
            let open = try await bench.broker.openPlaces(of: entry, noting: bench.memory)
            #expect(open.count == 1 && open.watermarks == [held[0].receipt.seq - 1])
            #expect(bench.memory.openPlaces(of: entry) == open)

            let runs = [
                "\(bench.queue)", "'{\(open.runs[0].lane)}'::smallint[]", "'{\(open.runs[0].first)}'::bigint[]",
                "'{\(open.runs[0].last)}'::bigint[]",
            ]
            for (statement, arguments) in [
                (Broker.openSince, runs + ["'{\(open.cursors[0])}'::bigint[]", "true"]),
                (Broker.leaseEnds, runs + ["500"]),
            ] {
                let plan = try await Self.plan(of: statement, arguments, in: bench.database, "ANALYZE, TIMING OFF, ")
                #expect(
                    Self.rowsRead(by: plan, from: ["claims_1", "completions_1"]) <= 5, "\(plan.joined(separator: "\n"))"
                )
            }
        }
    }

    @Test("claims whose lease has ended are found one by one, by their last place")
    func endedClaims() async throws {
        try await Bench.with { bench in
            try await bench.database.execute(
                """
                INSERT INTO mq.claims_1 (last_seq, first_seq, queue, lane, places, consumer)
                SELECT (1::bigint << 40) + n, (1::bigint << 40) + n, $1, 0, 1, 0 FROM generate_series(1, 20000) AS n
                """, bench.queue)
            for (statement, arguments) in [
                (Broker.findEnded, ["\(bench.queue)", "'{0}'::smallint[]", "'{1}'::bigint[]", "500", "1000"]),
                (
                    Broker.leaseEnds,
                    ["\(bench.queue)", "'{0}'::smallint[]", "'{1}'::bigint[]", "'{1}'::bigint[]", "500"]
                ),
            ] {
                let plan = try await Self.plan(of: statement, arguments, in: bench.database)
                let looks = plan.indices.filter { plan[$0].contains("Scan") && plan[$0].contains(" on claims_1") }
                #expect(!looks.isEmpty)
                for look in looks {
                    #expect(plan[look].contains("Index"), "\(plan.joined(separator: "\n"))")
                    #expect(plan[look + 1].contains("last_seq"), "\(plan.joined(separator: "\n"))")
                }
            }
        }
    }

    private static func plan(
        of statement: Statement, _ arguments: [String], in database: Database, _ options: String = ""
    ) async throws -> [String] {
        let sql = arguments.enumerated().reversed().reduce(statement.sql) {
            $0.replacing("$\($1.offset + 1)", with: $1.element)
        }
        return try await database.query(Statement("EXPLAIN (\(options)COSTS OFF) \(sql)")) {
            try $0[0, as: String.self]
        }
    }

    /// Of a plan that was carried out, also those that a filter has removed.
    private static func rowsRead(by plan: [String], from tables: [String]) -> Int {
        var isTable = false
        return plan.reduce(0) { sum, line in
            if let node = line.firstMatch(of: /actual rows=([0-9]+)[0-9.]* loops=([0-9]+)/) {
                isTable = tables.contains { line.contains(" on \($0) ") }
                return sum + (isTable ? (Int(node.1) ?? 0) * (Int(node.2) ?? 0) : 0)
            }
            guard isTable, let removed = line.firstMatch(of: /Rows Removed by Filter: ([0-9]+)/) else { return sum }
            return sum + (Int(removed.1) ?? 0)
        }
    }
}
