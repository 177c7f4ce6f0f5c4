import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A database that was made before the first release is brought over, with all that is in it")
struct UnreleasedTests {
    /// Two queues, one of them ordered, over two segments: messages done, in flight, waiting in both segments, scheduled,
    /// retrying, held, dead, purged, and sent once. The statements are those of the version of that time.
    private static let content = """
        INSERT INTO mq.queues (name, lanes, key_order, lease_ms) VALUES ('shoes', 1, NULL, 60000), ('laces', 1, 's', 30000);
        INSERT INTO mq.lanes (queue, lane) VALUES (1, 0), (2, 0), (2, 1);
        INSERT INTO mq.topics (name) VALUES ('sold');
        INSERT INTO mq.subscriptions (topic, queue, tags) VALUES (1, 1, '{red}');
        INSERT INTO mq.consumers (name, host, pid, version, lease_ms) VALUES ('worker', 'here', 1, '1', 30000);
        SELECT mq.append(1, 1, 0, NULL, NULL, ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 5)), '{a,b,c,d,e}', NULL, NULL,
            array_fill('{"size":1}'::bytea, '{5}'));
        INSERT INTO mq.claims (last_seq, first_seq, queue, lane, places, consumer) VALUES
            ((1::bigint << 40) + 3, (1::bigint << 40) + 1, 1, 0, 3, 1);
        INSERT INTO mq.completions (seq, queue, lane, outcome) VALUES
            ((1::bigint << 40) + 1, 1, 0, 'd'), ((1::bigint << 40) + 2, 1, 0, 'r');
        SELECT mq.open_segment(2), mq.advance_head(2);
        SELECT mq.append(1, 1, 0, NULL, 'sold', ARRAY[gen_random_uuid()], '{f}', '{red}', '{"{\\"a\\":\\"b\\"}"}', '{"{\\"size\\":6}"}');
        INSERT INTO mq.deferred (due_at, queue, attempt, id, sent_at, key, body)
            SELECT now() + interval '1 hour', m.queue, 2, m.id, m.sent_at, m.key, m.body FROM mq.messages m WHERE m.key = 'b'
            UNION ALL SELECT now() + interval '2 hours', 1, 1, gen_random_uuid(), now(), 'g', '{"size":7}';
        INSERT INTO mq.dead_letters (queue, attempts, id, sent_at, reason, key, body)
            VALUES (1, 3, gen_random_uuid(), now(), 'attempts-exhausted', 'h', '{"size":8}');
        INSERT INTO mq.tallies VALUES (1, 'p', 4);
        INSERT INTO mq.blocked_keys (queue, key, retry_at) VALUES (2, 'i', 'infinity');
        INSERT INTO mq.held (queue, key, rank, attempt, id, sent_at, body)
            VALUES (2, 'i', (1::bigint << 40) + 9, 2, gen_random_uuid(), now(), '{"size":9}');
        INSERT INTO mq.sent_keys VALUES (1, 'once', now() + interval '1 hour');
        """

    @Test("an unreleased database that is brought over has the schema of a fresh one, to the last column")
    func schema() async throws {
        try await TestDatabase.with(.empty) { database in
            try await UnreleasedSchema.install(in: database)
            try await database.script(Self.content)
            #expect(try await Migrator(.messageQueue).run(on: database) == ["0001_message_queue"])
            let moved = try await database.description(of: ["mq", "mq_unreleased"])
            let fresh = try await TestDatabase.with(.queues) { try await $0.description(of: ["mq", "mq_unreleased"]) }
            #expect(moved == fresh)
            #expect(fresh.count > 200, "a description of nothing is always the same")
        }
    }

    @Test(
        "what was in flight, waiting, scheduled, held and dead in an unreleased database is so once it is brought over, and goes on"
    )
    func content() async throws {
        try await TestDatabase.with(.empty) { database in
            try await UnreleasedSchema.install(in: database)
            try await database.script(Self.content)
            try await Migrator(.messageQueue).run(on: database)
            #expect(try await EngineAudit.contradictions(on: database) == [])
            let broker = Broker(database)
            let statistics = try await broker.statistics()
            let shoes = try #require(statistics.first { $0.queue == "shoes" })
            let stand = [shoes.depth, shoes.inFlight, shoes.scheduled, shoes.retrying, shoes.dead, shoes.purged]
            #expect(stand == [3, 1, 1, 1, 1, 4] as [Int])
            let laces = try #require(statistics.first { $0.queue == "laces" })
            #expect(laces.held == 1 && laces.blockedKeys == 1)
            #expect(try await broker.topics().first?.tags == ["red"])

            // In the order of their sends, over both segments.
            var keys: [String?] = []
            while let next = try await broker.receive("shoes", lease: .seconds(60)).first {
                keys.append(next.message.key)
                try await broker.complete([next])
            }
            #expect(keys == ["d", "e", "f"])
            #expect(try await broker.redrive().moved == 1)
            #expect(try await broker.skipBlocked("laces", key: "i"))
            #expect(
                try await broker.sendOnce([Outgoing(Shoe(size: 1))], to: Queue("shoes"), by: { _ in "once" }) == 0)
            #expect(try await EngineAudit.contradictions(on: database) == [])
        }
    }

    @Test(
        "in an unreleased database that is brought over, dropped segments stay so, and the next one gets the next number"
    )
    func segments() async throws {
        try await TestDatabase.with(.empty) { database in
            try await UnreleasedSchema.install(in: database)
            try await database.script(
                """
                SELECT mq.open_segment(2), mq.advance_head(2), mq.drop_segment(1);
                SELECT mq.open_segment(3), mq.advance_head(3);
                """)
            try await Migrator(.messageQueue).run(on: database)
            let numbers = try await database.query("SELECT segment FROM mq.segments ORDER BY 1") {
                try $0[0, as: Int.self]
            }
            #expect(numbers == [2, 3])
            let deeds = try await Broker(database).retire(
                .init(keep: .seconds(3600), rotate: .zero), patience: .seconds(5))
            #expect(deeds == ["opened segment 4"])
        }
    }

    @Test("an unreleased database older than the last version before the release is refused, and stays as it is")
    func older() async throws {
        try await TestDatabase.with(.empty) { database in
            try await UnreleasedSchema.install(1...9, in: database)
            let error = await #expect(throws: Migrator.Problem.self) {
                try await Migrator(.messageQueue).run(on: database)
            }
            #expect("\(try #require(error))".contains("0012_message_queue_producer"))
            #expect(
                try await database.query("SELECT to_regclass('mq.deferred') IS NOT NULL") { try $0[0, as: Bool.self] }
                    == [true])
        }
    }
}
