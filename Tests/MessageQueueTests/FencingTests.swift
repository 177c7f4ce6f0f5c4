import Postgres
import Testing

@testable import MessageQueue

@Suite("Whoever lost the lease changes nothing")
struct FencingTests {
    /// What a holder can do with a receipt.
    enum Finish: String, CaseIterable, Sendable {
        case complete, retry, release, bury, rescue

        func apply(_ bench: Bench, _ messages: [ReceivedMessage]) async throws {
            switch self {
            case .complete: try await bench.broker.complete(messages)
            case .retry: try await bench.broker.retry(messages.map { .init($0, after: .seconds(60), error: "late") })
            case .release: try await bench.broker.release(messages, after: .seconds(60))
            case .bury: try await bench.broker.deadLetter(messages.map { .init($0, reason: "late", error: nil) })
            case .rescue: try await bench.rescue()
            }
        }
    }

    private func fingerprint(_ bench: Bench) async throws -> [Int] {
        try await bench.database.query(
            """
            SELECT (SELECT count(*) FROM mq.messages), (SELECT count(*) FROM mq.completions), (SELECT count(*) FROM mq.scheduled),
                (SELECT count(*) FROM mq.dead_letters), (SELECT coalesce(sum(ascii(outcome::text)), 0) FROM mq.completions),
                (SELECT count(*) FROM mq.claims WHERE lease_until IS NOT NULL)
            """
        ) { row in try (0..<6).map { try row[$0, as: Int.self] } }[0]
    }

    @Test(
        "after any finish or rescue, every finish with the old receipt fails and changes nothing",
        arguments: Finish.allCases)
    func pairings(first: Finish) async throws {
        try await Bench.with { bench in
            try await bench.send(3)
            let held = try await bench.receive()
            #expect(held.count == 3)
            try await first.apply(bench, held)
            let before = try await fingerprint(bench)
            for second in Finish.allCases where second != .rescue {
                await #expect(throws: QueueError.self, "\(second) after \(first)") {
                    try await second.apply(bench, held)
                }
                await #expect(throws: QueueError.leaseLost(queue: "shoes", message: held[2].message.id)) {
                    try await second.apply(bench, [held[2]])
                }
            }
            await #expect(throws: QueueError.leaseLost(queue: "shoes", message: held[0].message.id)) {
                try await bench.broker.extend(held, to: .seconds(60))
            }
            #expect(try await bench.rescue() == 0)
            #expect(try await fingerprint(bench) == before)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("one lost message among many spoils the whole transaction: effects, follow-ups and the others' completion")
    func effects() async throws {
        try await Bench.with { bench in
            try await bench.database.script("CREATE TABLE effect (n int)")
            try await bench.send(10)
            let held = try await bench.receive()
            try await bench.broker.release([held[4]])
            await #expect(throws: QueueError.leaseLost(queue: "shoes", message: held[4].message.id)) {
                try await bench.database.write { session in
                    try session.execute("INSERT INTO effect VALUES (1)")
                    try bench.broker.send([Outgoing(Shoe(size: 99))], to: bench.shoes, in: session)
                    bench.broker.complete(held, in: session)
                }
            }
            #expect(try await bench.number("SELECT count(*) FROM effect") == 0)
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 10)
            #expect(try await bench.number("SELECT count(*) FROM mq.completions") == 1)
        }
    }

    @Test("a late commit after a rescue is rolled back with its effects, and the message is delivered again")
    func lateCommit() async throws {
        try await Bench.with { bench in
            try await bench.database.script("CREATE TABLE effect (n int)")
            try await bench.send(1)
            let held = try await bench.receive()
            #expect(try await bench.rescue() == 1)
            await #expect(throws: QueueError.leaseLost(queue: "shoes", message: held[0].message.id)) {
                try await bench.database.write { session in
                    try session.execute("INSERT INTO effect VALUES (1)")
                    bench.broker.complete(held, in: session)
                }
            }
            #expect(try await bench.number("SELECT count(*) FROM effect") == 0)
            try await bench.promoteAll()
            let again = try await bench.receive()
            #expect(again.map(\.message) == held.map(\.message) && again[0].attempt == 2)
            try await bench.broker.complete(again)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("of a hundred finishes of one message at once, exactly one happens")
    func stampede() async throws {
        try await Bench.with(connections: 12) { bench in
            try await bench.database.script("CREATE TABLE effect (n int)")
            for round in 0..<5 {
                try await bench.send(1, from: round)
                let held = try await bench.receive()
                let wins = await withTaskGroup(of: Bool.self) { group in
                    for number in 0..<20 {
                        let finish = Finish.allCases[number % 5]
                        group.addTask {
                            do {
                                guard finish != .rescue else { return try await bench.rescue() == 1 }
                                try await finish.apply(bench, held)
                                return true
                            } catch { return false }
                        }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(wins == 1)
            }
            #expect(try await bench.number("SELECT count(*) FROM mq.completions") == 5)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a lease of one's own ends in time unless it is extended, and an ended one can be taken")
    func extending() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            let held = try await bench.receive(lease: .milliseconds(1))
            try await bench.broker.extend(held, to: .seconds(60))
            let entry = try await bench.broker.entries(of: ["shoes"], on: bench.database)[0]
            #expect(try await bench.broker.rescue(entry, from: [], beyond: []) == 0)
            try await bench.database.execute("UPDATE mq.claims SET lease_until = now() - interval '1 second'")
            #expect(try await bench.broker.rescue(entry, from: [], beyond: []) == 1)
            await #expect(throws: QueueError.self) { try await bench.broker.extend(held, to: .seconds(60)) }
        }
    }

    @Test("a message that kills its worker burns an attempt each time and ends as a dead letter")
    func killer() async throws {
        try await Bench.with(QueueSettings(retry: RetryPolicy(attempts: 3))) { bench in
            try await bench.send(1)
            for attempt in 1...3 {
                let held = try await bench.receive()
                #expect(held.map(\.attempt) == [attempt])
                #expect(try await bench.rescue() == 1)
                try await bench.promoteAll()
            }
            #expect(try await bench.receive().isEmpty)
            let dead = try await bench.broker.deadLetters()
            #expect(dead.map(\.reason) == ["worker-lost"] && dead[0].attempts == 3)
        }
    }
}
