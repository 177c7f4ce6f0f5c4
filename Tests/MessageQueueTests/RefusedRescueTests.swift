import Postgres
import Testing

@testable import MessageQueue

/// Of what is rescued.
extension RefusedOutcomeTests {
    @Test("of what a lost worker held, a message that can't be given back is buried, and the others are")
    func unrescuable() async throws {
        try await Bench.with(QueueSettings(lanes: 1, order: .skipOnFailure)) { bench in
            _ = try await bench.storeUnholdable(sizes: [100])
            try await bench.send(20)
            #expect(try await bench.receive().count == 21)
            #expect(try await bench.rescue() == 21)
            #expect(try await bench.broker.deadLetters().map(\.reason) == ["outcome-refused"])
            #expect(try await bench.statistics().held == 20)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "of what a lost worker held, a message that waits for a lock keeps none of those behind it, and is rescued later"
    )
    func lockedRescue() async throws {
        try await Bench.with(QueueSettings(lanes: 1, order: .skipOnFailure)) { bench in
            try await bench.send(20)
            #expect(try await bench.receive().count == 20)
            // One that is refused makes them be tried by halves. The lock is met at the end of a statement.
            try await bench.database.script(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN IF NEW.key = 'k1' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
                CREATE TRIGGER refuses BEFORE INSERT ON mq.held FOR EACH ROW EXECUTE FUNCTION refuse();
                CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF NEW.key = 'k4' THEN RAISE EXCEPTION 'too long' USING ERRCODE = 'lock_not_available'; END IF;
                    RETURN NULL;
                END $$;
                CREATE TRIGGER waits AFTER INSERT ON mq.held FOR EACH ROW EXECUTE FUNCTION wait()
                """)
            let error = await #expect(throws: PostgresError.self) { try await bench.rescue() }
            #expect(error?.sqlState == "55P03")
            let statistics = try await bench.statistics()
            #expect(statistics.held >= 16 && statistics.dead == 1)
            try await bench.database.script("DROP TRIGGER waits ON mq.held")
            #expect(try await bench.rescue() <= 3)
            #expect(try await bench.statistics().held == 19)
            #expect(try await bench.audit() == [])
        }
    }
}
