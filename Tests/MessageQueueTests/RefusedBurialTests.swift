import Postgres
import Testing

@testable import MessageQueue

/// Of what can't even become a dead letter.
extension RefusedOutcomeTests {
    @Test(
        "a message whose dead letter the server refuses comes again later, each time told, and all others are done",
        arguments: Kind.allCases, [nil, KeyOrder.skipOnFailure])
    func refusedBurial(kind: Kind, order: KeyOrder?) async throws {
        try await Bench.with(QueueSettings(lanes: 1, order: order)) { bench in
            try await bench.createEffects()
            try await bench.refuse("k7", by: ["mq.dead_letters"])
            try await bench.send(20)
            let step = Self.step(kind) {
                if $0.payload.size == 7 { throw Oddity(disposition: .deadLetter(reason: "odd")) }
            }
            try await bench.work([step]) { log in
                try await log.done(19)
                try await log.wait("its burial is refused") { $0.deadLetterRefusals == 1 }
                try await bench.send(20, from: 20)
                try await log.done(39)
                try await bench.endPauses()
                try await log.wait("it has come again, in vain") { $0.deadLetterRefusals == 2 }
                try await bench.accept(by: ["mq.dead_letters"])
                try await bench.endPauses()
                try await log.wait("it is buried") { $0.deadReasons == ["odd"] }
            }
            let dead = try await bench.broker.deadLetters()
            #expect(dead.map(\.message.key) == ["k7"] && dead.map(\.attempts) == [3])
            #expect(try await bench.effects() == [39, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "dead letters that are refused under a code of a trigger's own, for an error in it or a missing right, fill no step",
        arguments: Kind.allCases, ["MQ001", "42703", "42501"])
    func burialRefusedOtherwise(kind: Kind, state: String) async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            try await bench.createEffects()
            try await bench.refuse("k%", by: ["mq.dead_letters"], as: state)
            let step = Self.step(kind) {
                if $0.payload.size < 20 { throw Oddity(disposition: .deadLetter(reason: "odd")) }
            }
            try await bench.work([step]) { log in
                // Each in a claim of its own, more than either step takes at once.
                for number in 0..<20 {
                    try await bench.send(1, from: number)
                    try await log.wait("burial \(number) is refused") { $0.deadLetterRefusals > number }
                }
                try await bench.send(20, from: 20)
                try await log.done(20)
                try await bench.accept(by: ["mq.dead_letters"])
                try await bench.endPauses()
                try await log.wait("they are buried") { $0.deadReasons.count == 20 }
            }
            #expect(try await bench.effects() == [20, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "a message that can't be put off for want of a right is buried, and all others are done",
        arguments: Kind.allCases)
    func refusedPause(kind: Kind) async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            try await bench.createEffects()
            try await bench.refuse("k7", by: ["mq.scheduled"], as: "42501")
            try await bench.send(20)
            let step = Self.step(kind) { if $0.payload.size == 7 { throw Oddity() } }
            try await bench.work([step]) { log in
                try await log.wait("it is buried") { events in
                    events.contains { if case .outcomeRefused = $0 { true } else { false } }
                }
                try await log.done(19)
            }
            let dead = try await bench.broker.deadLetters()
            #expect(dead.map(\.reason) == ["outcome-refused"] && dead[0].error?.contains("42501") == true)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "of what a lost worker held, a message whose burial is refused by anything but its data keeps none of the others",
        arguments: ["MQ001", "42703", "42501"])
    func rescueRefusedOtherwise(state: String) async throws {
        try await Bench.with(QueueSettings(lanes: 1, retry: RetryPolicy(attempts: 1))) { bench in
            try await bench.refuse("k1", by: ["mq.dead_letters"], as: state)
            try await bench.send(20)
            #expect(try await bench.receive().count == 20)
            #expect(try await bench.rescue() == 20)
            #expect(try await bench.statistics().dead == 19)
            try await bench.endPauses()
            try await bench.promoteAll()
            #expect(try await bench.receive().map(\.message.key) == ["k1"])
            try await bench.accept(by: ["mq.dead_letters"])
            #expect(try await bench.rescue() == 1)
            #expect(try await bench.statistics().dead == 20)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "a message whose outcome, dead letter and pause are all refused stays in flight, and all others are done",
        arguments: Kind.allCases)
    func refusedAltogether(kind: Kind) async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            try await bench.createEffects()
            try await bench.refuse("k7", by: ["mq.dead_letters", "mq.scheduled"])
            try await bench.send(20)
            let step = Self.step(kind) { if $0.payload.size == 7 { throw Oddity() } }
            try await bench.work([step]) { log in
                try await log.wait("it is given up") { events in
                    events.contains { if case .commitDelayed = $0 { true } else { false } }
                }
                try await bench.send(20, from: 20)
                try await log.done(39)
                #expect(try await bench.statistics().inFlight == 1)
                try await bench.accept(by: ["mq.dead_letters", "mq.scheduled"])
            }
            // The worker has given it back as it went.
            try await bench.work([Lace()]) { log in try await log.done(1) }
            #expect(try await bench.effects() == [40, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "of what a lost worker held, a message that may not be buried comes again later, and the others are buried",
        arguments: [nil, KeyOrder.skipOnFailure])
    func refusedBurialOfRescued(order: KeyOrder?) async throws {
        let settings = QueueSettings(lanes: 1, retry: RetryPolicy(attempts: 1), order: order)
        try await Bench.with(settings) { bench in
            try await bench.database.script("ALTER TABLE mq.dead_letters ADD CONSTRAINT others CHECK (key <> 'k1')")
            try await bench.send(20)
            #expect(try await bench.receive().count == 20)
            #expect(try await bench.rescue() == 20)
            #expect(try await bench.statistics().dead == 19)
            #expect(try await bench.receive().isEmpty)
            try await bench.endPauses()
            try await bench.promoteAll()
            let again = try await bench.receive()
            #expect(again.map(\.message.key) == ["k1"] && again.map(\.attempt) == [2])
            try await bench.database.script("ALTER TABLE mq.dead_letters DROP CONSTRAINT others")
            #expect(try await bench.rescue() == 1)
            #expect(try await bench.broker.deadLetters().filter { $0.reason == "worker-lost" }.count == 20)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a message that the server takes back in no way keeps nobody who receives by hand from the others")
    func refusedByHand() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            try await bench.refuse("k1", by: ["mq.dead_letters", "mq.scheduled"])
            try await bench.send(3)
            let hour = Duration.seconds(3600)
            #expect(try await bench.broker.receive("shoes", limit: 3, lease: hour).count == 3)
            try await bench.database.execute("UPDATE mq.claims SET lease_until = now() - interval '1 second'")
            let others = try await bench.broker.receive("shoes", limit: 3, lease: hour)
            #expect(Set(others.map(\.message.key)) == ["k0", "k2"])
            try await bench.accept(by: ["mq.dead_letters", "mq.scheduled"])
            #expect(try await bench.broker.receive("shoes", limit: 3, lease: hour).map(\.message.key) == ["k1"])
            #expect(try await bench.audit() == [])
        }
    }
}

extension [WorkerEvent] {
    fileprivate var deadLetterRefusals: Int { count { if case .deadLetterRefused = $0 { true } else { false } } }
}

extension Bench {
    /// A trigger of an operator's own.
    ///
    /// - Parameter key: as `LIKE` takes it.
    fileprivate func refuse(_ key: String, by tables: [String], as state: String = "P0001") async throws {
        try await database.script(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN
                    IF NEW.key LIKE '\(key)' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = '\(state)'; END IF;
                    RETURN NEW;
                END $$
            """)
        for table in tables {
            try await database.script(
                "CREATE TRIGGER refuses BEFORE INSERT ON \(table) FOR EACH ROW EXECUTE FUNCTION refuse()")
        }
    }

    fileprivate func accept(by tables: [String]) async throws {
        for table in tables { try await database.script("DROP TRIGGER refuses ON \(table)") }
    }

    /// Whatever waits is due, and everybody knows.
    fileprivate func endPauses() async throws {
        try await database.execute("UPDATE mq.scheduled SET due_at = now() - interval '1 second'")
        try await database.execute("UPDATE mq.blocked_keys SET retry_at = now() - interval '1 second'")
        broker.doorbell.ring([queue])
    }
}
