import CoreMetrics
import Foundation
import Logging
import MetricsTestKit
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Each chore of the upkeep by itself, and known to have failed")
struct HousekeepingTests {
    /// Segments can't be dropped, and a hundred keys have expired.
    private func withTrouble(_ body: @Sendable (Bench, Housekeeping) async throws -> Void) async throws {
        try await Bench.with { bench in
            try await bench.broker.retire(.init(keep: .seconds(3600), rotate: .zero), patience: .seconds(30))
            try await bench.database.script(
                """
                INSERT INTO mq.sent_keys SELECT q.id, n::text, now() - interval '1 hour' FROM mq.queues q, generate_series(1, 100) AS n;
                INSERT INTO mq.topics (name) VALUES ('news');
                INSERT INTO mq.published_keys SELECT t.id, 'a', now() - interval '1 hour' FROM mq.topics t;
                CREATE OR REPLACE FUNCTION mq.drop_segment(number int) RETURNS void LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'this segment stays'; END $$
                """)
            let retention = Broker.Retention(keep: .zero, rotate: .seconds(3600))
            try await body(bench, Housekeeping(broker: bench.broker, retention: retention))
        }
    }

    /// Each chore once; answers which of them failed.
    private func round(of housekeeping: Housekeeping) async -> [String] {
        var failed: [String] = []
        for chore in housekeeping.chores {
            do { try await housekeeping.attempt(chore) } catch { failed.append(chore.name) }
        }
        return failed
    }

    @Test("expired keys are forgotten though segments can't be dropped, and the chore that failed says why")
    func alone() async throws {
        try await withTrouble { bench, housekeeping in
            #expect(await round(of: housekeeping) == ["drop segments"])
            #expect(try await bench.number("SELECT count(*) FROM mq.sent_keys") == 0)
            #expect(try await bench.number("SELECT count(*) FROM mq.published_keys") == 0)
            let chores = try await bench.broker.chores()
            let names = [
                "discard outdated messages", "drop half messages", "drop segments", "fold tallies",
                "forget published keys",
                "forget redriven messages", "forget sent keys", "open segments",
            ]
            #expect(chores.map(\.name) == names)
            let failing = chores.filter { $0.failingFor != nil }
            #expect(
                failing.map(\.name) == ["drop segments"] && failing[0].error?.contains("this segment stays") == true)
            #expect(chores.filter { $0.doneAt != nil }.count == 7)
        }
    }

    @Test("keys are forgotten however many have piled up, and though those of another kind can't be")
    func manyKeys() async throws {
        try await withTrouble { bench, housekeeping in
            try await bench.database.script(
                """
                INSERT INTO mq.published_keys SELECT t.id, n::text, now() - interval '1 hour'
                    FROM mq.topics t, generate_series(1, 25000) AS n;
                CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'these keys stay'; END $$;
                CREATE TRIGGER stays BEFORE DELETE ON mq.sent_keys FOR EACH ROW EXECUTE FUNCTION stay()
                """)
            #expect(await round(of: housekeeping) == ["drop segments", "forget sent keys"])
            #expect(try await bench.number("SELECT count(*) FROM mq.sent_keys") == 100)
            #expect(try await bench.number("SELECT count(*) FROM mq.published_keys") == 0)
        }
    }

    @Test("the error of a chore is noted however long it is, and whatever is in it")
    func longError() async throws {
        try await Bench.with { bench in
            try await bench.broker.noteFailed("sweep", error: "no\0way " + String(repeating: "日", count: 1_000_000))
            let noted = try #require(try await bench.broker.chores().first?.error)
            #expect(noted.hasPrefix("noway 日") && (990...1000).contains(noted.utf8.count))
        }
    }

    @Test("a worker goes on with every other chore while one fails each time, which it tries ever more seldom")
    func worker() async throws {
        try await withTrouble { bench, housekeeping in
            // What a sequence has counted stays counted when its transaction fails.
            try await bench.database.script(
                """
                CREATE SEQUENCE tries; CREATE SEQUENCE rounds;
                CREATE OR REPLACE FUNCTION mq.drop_segment(number int) RETURNS void LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM nextval('public.tries'); RAISE EXCEPTION 'this segment stays'; END $$;
                CREATE FUNCTION count_round() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM nextval('public.rounds'); RETURN NULL; END $$;
                CREATE TRIGGER counts AFTER DELETE ON mq.sent_keys FOR EACH STATEMENT EXECUTE FUNCTION count_round()
                """)
            let options = WorkerOptions(retention: housekeeping.retention, upkeepInterval: .milliseconds(20))
            try await bench.work([Polish { _ in }], options) { _ in
                try await eventually("the keys have been looked through sixty times") {
                    try await bench.number("SELECT last_value FROM rounds") >= 60
                }
            }
            #expect(try await bench.number("SELECT count(*) FROM mq.sent_keys") == 0)
            #expect(try await (1...20).contains(bench.number("SELECT last_value FROM tries WHERE is_called")))
        }
    }

    @Test("a chore counts as neglected once it has failed for an hour in every worker, until it goes well in one")
    func neglected() async throws {
        try await withTrouble { bench, housekeeping in
            _ = await round(of: housekeeping)
            #expect(try await bench.broker.neglectedChores().isEmpty)
            try await bench.database.execute(
                "UPDATE mq.chores SET failing_since = failing_since - interval '61 minutes'")
            _ = await round(of: housekeeping)
            #expect(try await bench.broker.neglectedChores().map(\.name) == ["drop segments"])
            try await bench.database.script("DROP FUNCTION mq.drop_segment")
            try await bench.database.script(
                "CREATE FUNCTION mq.drop_segment(number int) RETURNS void LANGUAGE sql AS 'DELETE FROM mq.segments WHERE segment = $1'"
            )
            #expect(await round(of: housekeeping) == [])
            #expect(try await bench.broker.neglectedChores().isEmpty)
        }
    }

    @Test("a chore that waits for somebody's lock is postponed, told as such, and has not failed; then it goes well")
    func postponed() async throws {
        try await Bench.with { bench in
            let metrics = TestMetrics()
            let housekeeping = Housekeeping(
                broker: bench.broker, retention: .init(keep: .seconds(3600), rotate: .zero))
            let chore = try #require(housekeeping.chores.first { $0.name == "open segments" })
            let holder = try await Connection.open(bench.database.conninfo)
            let process = try await holder.query("SELECT pg_backend_pid()") { try $0[0, as: Int32.self] }[0]
            try await holder.script("BEGIN; SELECT pg_advisory_xact_lock(mq.lock_class(), 0)")
            try await withMetricsFactory(metrics) {
                for _ in 0..<2 { try await housekeeping.attempt(chore) }
            }
            #expect(metrics.counterTotal(label: "mq_chore_postponed_total") == 2)
            #expect(metrics.counterTotal(label: "mq_chore_failures_total") == 0)
            let noted = try #require(try await bench.broker.chores().first)
            #expect(noted.failingFor == nil && noted.waitingFor != nil && noted.error?.contains("55P03") == true)
            #expect(try await bench.broker.lockHolders().map(\.process).contains(process))
            try await bench.database.execute("UPDATE mq.chores SET waiting_since = now() - interval '61 minutes'")
            #expect(try await bench.broker.neglectedChores().isEmpty)
            #expect(try await bench.broker.postponedChores().map(\.name) == ["open segments"])
            await holder.close()
            try await eventually("the lock is free, and the chore is done") {
                try await housekeeping.attempt(chore)
                return try await bench.broker.chores().allSatisfy { $0.waitingFor == nil && $0.error == nil }
            }
        }
    }

    @Test("a chore that fails after it has waited has failed since then, and not since it waited")
    func failureAfterWaiting() async throws {
        try await Bench.with { bench in
            try await bench.broker.noteWaiting("sweep", error: "lock timeout")
            try await bench.database.execute("UPDATE mq.chores SET waiting_since = now() - interval '61 minutes'")
            try await bench.broker.noteFailed("sweep", error: "permission denied")
            #expect(try await bench.broker.neglectedChores().isEmpty)
            try await bench.database.execute("UPDATE mq.chores SET failing_since = now() - interval '61 minutes'")
            #expect(try await bench.broker.neglectedChores().map(\.name) == ["sweep"])
        }
    }

    @Test("one queue whose look-up fails keeps none of the others from being looked after")
    func others() async throws {
        struct Stop: Error {}
        var seen: [Int] = []
        await #expect(throws: Stop.self) {
            try await eachByItself(1...3) { number in
                seen.append(number)
                if number == 1 { throw Stop() }
            }
        }
        #expect(seen == [1, 2, 3])
    }

    @Test("a chore that is cancelled in the middle of a statement, as when its program stops, has not failed")
    func cancelled() async throws {
        try await Bench.with { bench in
            let metrics = TestMetrics()
            let housekeeping = Housekeeping(broker: bench.broker)
            let chore = try #require(housekeeping.chores.first { $0.name == "forget sent keys" })
            let holder = try await Connection.open(bench.database.conninfo)
            try await holder.script("BEGIN; LOCK TABLE mq.sent_keys IN ACCESS EXCLUSIVE MODE")
            try await withMetricsFactory(metrics) {
                let task = Task { try await housekeeping.attempt(chore) }
                try await eventually("its statement waits for the table") {
                    try await holder.query(
                        "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'mq.sent_keys'::regclass"
                    ) { _ in }.count > 0
                }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
            await holder.close()
            #expect(metrics.counterTotal(label: "mq_chore_failures_total") == 0)
            #expect(try await bench.broker.chores().allSatisfy { $0.failingFor == nil })
        }
    }

    @Test("one queue that asks too much of the server keeps none of the others from being looked after")
    func greedy() async {
        for (state, count) in [("53200", 3), ("53400", 3), ("53300", 1)] {
            var seen = 0
            await #expect(throws: PostgresError.self) {
                try await eachByItself(1...3) { _ in
                    seen += 1
                    var error = PostgresError(.server, "no")
                    error.sqlState = state
                    throw error
                }
            }
            #expect(seen == count, "\(state)")
        }
    }

    @Test("a chore that fails again and again sits out ever more rounds, up to ten, and none after passing trouble")
    func rounds() {
        var rounds = Rounds()
        func pause() -> Int {
            var sat = 0
            while !rounds.isDue() { sat += 1 }
            return sat
        }
        var pauses: [Int] = []
        for _ in 0..<6 {
            rounds.failed(isPassing: false)
            pauses.append(pause())
        }
        #expect(pauses == [1, 3, 7, 10, 10, 10])
        rounds.wentWell()
        rounds.failed(isPassing: true)
        #expect(pause() == 0)
    }

    @Test("the upkeep goes on while every table is published, deletes from the tallies as well")
    func published() async throws {
        try await Bench.with { bench in
            try await bench.database.script(
                """
                CREATE PUBLICATION everything FOR ALL TABLES;
                INSERT INTO mq.tallies SELECT id, 'f', 0 FROM mq.queues, generate_series(1, 1001)
                """)
            let retention = Broker.Retention(keep: .zero, rotate: .zero)
            let housekeeping = Housekeeping(broker: bench.broker, retention: retention)
            #expect(await round(of: housekeeping) == [])
            #expect(try await bench.number("SELECT count(*) FROM mq.tallies") == 1)
        }
    }
}
