import Foundation
import TestSupport
import Testing

@testable import MessageQueue
@testable import Postgres

@Suite("An outcome that the server refuses to store holds nobody up", .timeLimit(.minutes(10)))
struct RefusedOutcomeTests {
    @Test("of what no server has said, only values that are too large, or unreadable, are the data's fault")
    func ownErrors() {
        for kind in [PostgresError.Kind.tooLarge, .decoding] { #expect(PostgresError(kind, "").refusesData) }
        let others: [PostgresError.Kind] = [
            .misuse, .connectionLost, .outcomeUnknown, .poolExhausted, .closed, .cancelled, .deadlineExceeded, .server,
        ]
        for kind in others { #expect(!PostgresError(kind, "").refuses) }
    }

    @Test(
        "the server refuses data, or what somebody may mend, or says that it will pass",
        arguments: [
            ("22P05", true, true), ("23514", true, true), ("54000", true, true), ("P0001", true, true),
            ("MQ001", true, true), ("45000", true, true), ("21000", true, true), ("XX000", true, true),
            ("42501", false, true), ("42703", false, true), ("38000", false, true), ("0A000", false, true),
            ("55P03", false, false), ("40P01", false, false), ("57014", false, false), ("53200", false, false),
            ("25006", false, false), ("57P01", false, false), ("08006", false, false), ("58030", false, false),
        ])
    func refusals(state: String, isOfData: Bool, isRefusal: Bool) {
        var error = PostgresError(.server, "")
        error.sqlState = state
        #expect(error.refusesData == isOfData && error.refuses == isRefusal)
    }

    /// A step that only writes, and one that prepares first.
    enum Kind: CaseIterable { case step, preparingStep }

    /// What a step throws.
    struct Oddity: StepFailure, CustomStringConvertible {
        var disposition = Disposition.retry
        var description = "odd"
    }

    /// Leaves effects, unless `work` throws for a message.
    static func step(_ kind: Kind, _ work: @escaping @Sendable (Delivery<Shoe>) throws -> Void)
        -> any WorkerStep
    {
        switch kind {
        case .step: Lace { batch, _ in for delivery in batch { try work(delivery) } }
        case .preparingStep: Polish { try work($0) }
        }
    }

    private static let quick = RetryPolicy(attempts: 10, base: .milliseconds(1), cap: .milliseconds(5))

    @Test(
        "a message that is to come again in three million years, or in the past, comes within the limits, and the others are done",
        arguments: Kind.allCases, [100_000_000_000_000, -100_000_000_000_000])
    func endlessDelays(kind: Kind, seconds: Int) async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.send(20)
            let step = Self.step(kind) { delivery in
                guard delivery.attempt == 1 else { return }
                if delivery.payload.size == 7 { throw Oddity(disposition: .retryAfter(.seconds(seconds))) }
                if delivery.payload.size == 8 {
                    throw Oddity(disposition: .snooze(seconds < 0 ? .zero : .seconds(seconds)))
                }
            }
            try await bench.work([step]) { log in
                try await log.done(18)
                try await log.wait("both are put off") { events in
                    events.releasedCount > 0 && events.contains { if case .retried = $0 { true } else { false } }
                }
            }
            let later =
                "SELECT count(*) FROM mq.scheduled WHERE due_at BETWEEN now() + interval '365 days' AND now() + interval '367 days'"
            if seconds > 0 { #expect(try await bench.number(Statement(later)) == 2) }
            #expect(try await bench.number("SELECT count(*) FROM mq.dead_letters") == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("of errors of thirty million characters the history of ten attempts is kept, cut", arguments: Kind.allCases)
    func longErrors(kind: Kind) async throws {
        try await Bench.with(QueueSettings(retry: Self.quick)) { bench in
            try await bench.createEffects()
            try await bench.send(20)
            let endless = String(repeating: "日", count: 10_000_000)
            let step = Self.step(kind) { if $0.payload.size == 7 { throw Oddity(description: endless) } }
            try await bench.work([step]) { log in
                try await log.done(19)
                try await log.wait("it is given up") { $0.deadReasons == ["attempts-exhausted"] }
            }
            let dead = try #require(try await bench.broker.deadLetters().first)
            #expect((9_990...10_000).contains(dead.error?.utf8.count ?? 0))
            let history =
                "SELECT count(*) FROM mq.dead_letters, jsonb_array_elements(history) AS h WHERE octet_length(h->>'error') > 9990"
            #expect(try await bench.number(Statement(history)) == 10)
        }
    }

    @Test("a reason of any length, and with a NUL in it, is cut to what can be stored", arguments: Kind.allCases)
    func longReasons(kind: Kind) async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.send(20)
            let reason = "too\0ugly " + String(repeating: "日", count: 1_000_000)
            let step = Self.step(kind) {
                if $0.payload.size == 7 { throw Oddity(disposition: .deadLetter(reason: reason)) }
            }
            try await bench.work([step]) { log in
                try await log.done(19)
                try await log.wait("it is given up") { $0.deadReasons.count == 1 }
            }
            let dead = try await bench.broker.deadLetters()
            #expect(dead.count == 1 && dead[0].reason.hasPrefix("toougly 日"))
            #expect((190...200).contains(dead[0].reason.utf8.count))
        }
    }

    @Test(
        "of more than a hundred attempts the history tells the last hundred, also when each says more than is kept today"
    )
    func longHistory() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            for attempt in 1...104 {
                let held = try await bench.receive()
                try await bench.broker.retry([.init(held[0], after: .zero, error: "no \(attempt)")])
                try await bench.promoteAll()
            }
            // As an older version has stored it.
            try await bench.database.execute("UPDATE mq.completions SET error = error || repeat('x', 3000000)")
            try await bench.broker.deadLetter([.init(try await bench.receive()[0], reason: "tired", error: "no 105")])
            let attempts = try await bench.database.query(
                "SELECT (h->>'attempt')::int FROM mq.dead_letters, jsonb_array_elements(history) AS h"
            ) { try $0[0, as: Int.self] }
            #expect(attempts == Array(6...105))
        }
    }

    @Test(
        "an error that the encoding of the database can't hold is kept in ASCII, and the attempt counts",
        arguments: Kind.allCases)
    func otherEncoding(kind: Kind) async throws {
        try await Self.inLatin1 { bench in
            try await bench.createEffects()
            try await bench.send(20)
            let step = Self.step(kind) { if $0.payload.size == 7 { throw Oddity(description: "größer als 日本") } }
            try await bench.work([step]) { log in
                try await log.done(19)
                try await log.wait("it is given up") { !$0.deadReasons.isEmpty }
            }
            let dead = try #require(try await bench.broker.deadLetters().first)
            #expect(dead.reason == "attempts-exhausted" && dead.attempts == 10)
            #expect(dead.error == "gr\\u{00F6}\\u{00DF}er als \\u{65E5}\\u{672C}")
        }
    }

    @Test(
        "a key that no table of held messages can hold buries the message that failed, and the next of its key is handled",
        arguments: Kind.allCases, [KeyOrder.blockOnFailure, .skipOnFailure])
    func unholdableKey(kind: Kind, order: KeyOrder) async throws {
        try await Bench.with(QueueSettings(lanes: 1, retry: Self.quick, order: order)) { bench in
            try await bench.createEffects()
            let key = try await bench.storeUnholdable(sizes: [100, 101, 102])
            try await bench.send(20)
            let step = Self.step(kind) { if $0.payload.size == 100 { throw Oddity() } }
            try await bench.work([step]) { log in
                try await log.done(22)
                let refusals = log.events.count { if case .outcomeRefused = $0 { true } else { false } }
                #expect(refusals == 1)
            }
            let dead = try await bench.broker.deadLetters()
            #expect(dead.map(\.reason) == ["outcome-refused"] && dead[0].message.key == key && dead[0].attempts == 1)
            #expect(dead[0].error?.contains("54000") == true)
            #expect(try await bench.effects() == [22, 0])
            #expect(try await bench.broker.blockedKeys().isEmpty)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "a message whose effects the server never has the memory for, or no temporary space, fails by itself, and the others are done",
        arguments: ["53200", "53400"])
    func memory(state: String) async throws {
        try await Bench.with(QueueSettings(retry: .init(attempts: 1))) { bench in
            try await bench.createEffects()
            try await bench.database.script(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF NEW.size = 3 THEN RAISE EXCEPTION 'too much' USING ERRCODE = '\(state)'; END IF;
                    RETURN NEW;
                END $$;
                CREATE TRIGGER refuses BEFORE INSERT ON effect FOR EACH ROW EXECUTE FUNCTION refuse()
                """)
            try await bench.send(4)
            try await bench.work([Lace()]) { log in
                try await eventually("all others are done, and it has failed") {
                    log.events.doneCount == 3 && log.events.deadReasons == ["attempts-exhausted"]
                }
            }
            #expect(try await bench.effects() == [3, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "a message whose effects end the server's process each time fails by itself, and the others are done",
        arguments: Kind.allCases)
    func deadly(kind: Kind) async throws {
        try await Bench.with(QueueSettings(retry: .init(attempts: 1))) { bench in
            try await bench.createEffects()
            try await bench.database.script(
                """
                CREATE FUNCTION end_process() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF NEW.size = 3 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
                    RETURN NEW;
                END $$;
                CREATE TRIGGER ends BEFORE INSERT ON effect FOR EACH ROW EXECUTE FUNCTION end_process()
                """)
            try await bench.send(4)
            try await bench.work([Self.step(kind) { _ in }]) { log in
                try await log.wait("all others are done, and it has failed") {
                    $0.doneCount == 3 && $0.deadReasons == ["attempts-exhausted"]
                }
            }
            #expect(try await bench.effects() == [3, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a refusal that may pass is waited out, and meanwhile the others are done", arguments: Kind.allCases)
    func passing(kind: Kind) async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.send(20)
            try await bench.withImpatientLocks { bench in
                let blocker = try await Connection.open(bench.database.conninfo)
                try await blocker.script("BEGIN; LOCK TABLE mq.scheduled IN ACCESS EXCLUSIVE MODE")
                let step = Self.step(kind) { if $0.payload.size == 7, $0.attempt == 1 { throw Oddity() } }
                try await bench.work([step]) { log in
                    try await log.done(19)
                    try await log.wait("the failure is tried again") { $0.delayCount > 8 }
                    try await blocker.script("ROLLBACK")
                    try await log.done(20)
                    #expect(log.events.count { if case .retried = $0 { true } else { false } } == 1)
                }
                await blocker.close()
            }
            #expect(try await bench.effects() == [20, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "a worker stops in time although it can't write down a failure, and what it leaves is rescued",
        arguments: Kind.allCases)
    func stopping(kind: Kind) async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.send(20)
            let blocker = try await Connection.open(bench.database.conninfo)
            try await bench.withImpatientLocks { bench in
                let step = Self.step(kind) { if $0.payload.size == 7 { throw Oddity() } }
                try await bench.work([step], WorkerOptions(drainLimit: .milliseconds(300))) { log in
                    try await blocker.script("BEGIN; LOCK TABLE mq.scheduled IN ACCESS EXCLUSIVE MODE")
                    try await log.wait("the failure can't be written down") { $0.delayCount > 4 }
                }
            }
            await blocker.close()
            try await bench.work([Lace()]) { _ in
                try await eventually("all have their effect") { try await bench.effects() == [20, 0] }
            }
            #expect(try await bench.audit() == [])
        }
    }
}

extension [WorkerEvent] {
    fileprivate var delayCount: Int { count { if case .commitDelayed = $0 { true } else { false } } }
}

extension Bench {
    /// As an older version has stored it, or a foreign program: with a key that a message may have, and its place among the held
    /// ones has no room for.
    func storeUnholdable(sizes: [Int]) async throws -> String {
        let key = String((0..<2684).map { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement() ?? "a" })
        for (number, size) in sizes.enumerated() {
            try await database.execute(
                """
                INSERT INTO mq.messages (seq, queue, lane, attempt, id, sent_at, key, body)
                SELECT (1::bigint << 40) + 1 + $1, id, 0, 1, gen_random_uuid(), now(), $2, $3 FROM mq.queues
                """, number, key, Bytes(Array(#"{"size":\#(size)}"#.utf8)))
        }
        let error = try await #require(throws: PostgresError.self) {
            try await database.execute(
                """
                INSERT INTO mq.held (rank, queue, attempt, id, sent_at, key, body)
                SELECT 1, id, 1, gen_random_uuid(), now(), $1, '' FROM mq.queues
                """, key)
        }
        #expect(error.sqlState == "54000")
        return key
    }

    /// Over connections on which nobody waits for a lock for long.
    fileprivate func withImpatientLocks(_ body: @Sendable (Bench) async throws -> Void) async throws {
        var options = database.options
        options.connection.settings.append((name: "lock_timeout", value: "20ms"))
        let database = Database(self.database.conninfo, options: options)
        try await body(Bench(self, on: database))
        await database.close()
    }
}

extension RefusedOutcomeTests {
    /// A database that the schema refuses, made to take it.
    fileprivate static func inLatin1(_ body: @Sendable (Bench) async throws -> Void) async throws {
        try await TestDatabase.with(encoding: "LATIN1") { database in
            for migration in MigrationLine.messageQueue.migrations {
                let sql = migration.sql.replacing("current_setting('server_encoding') <> 'UTF8'", with: "false")
                try await database.script("BEGIN; \(sql); COMMIT")
            }
            try await body(try await Bench(on: database, QueueSettings(retry: quick)))
        }
    }
}
