import TestSupport
import Testing

@testable import Postgres

@Suite("What a connection has learnt of its server", .timeLimit(.minutes(10)))
struct LearningTests {
    private static let fact = Template("fact") { database in
        try await database.script("CREATE TABLE fact (value text); INSERT INTO fact VALUES ('one')")
    }
    private static let ask: Statement = "SELECT value FROM fact"
    private static let confirm: Statement = "SELECT 1 / count(*) FROM fact WHERE value = $1"

    /// In a transaction block, or with each statement on its own.
    private static func learn(_ database: Database, isTransaction: Bool) async throws -> (answer: String, isNew: Bool) {
        try await database.perform(isTransaction: isTransaction, within: nil) { session in
            let learnt = try session.learn(ask, confirmedBy: confirm)
            try session.execute("SELECT 1")
            return learnt
        }
    }

    @Test(
        "what a connection learns of its server is asked once, and again after something was refused",
        arguments: [true, false])
    func direct(isTransaction: Bool) async throws {
        try await Bench.with(Self.fact, limit: 1) { database async throws in
            #expect(try await Self.learn(database, isTransaction: isTransaction) == ("one", true))
            try await database.execute("UPDATE fact SET value = 'two'")
            #expect(try await Self.learn(database, isTransaction: isTransaction) == ("one", false))
            #expect(await failure { try await database.execute("SELECT 1 / 0") }?.kind == .server)
            #expect(try await Self.learn(database, isTransaction: isTransaction) == ("two", true))
        }
    }

    @Test(
        "what was learnt behind a pooler is confirmed by each transaction, and asked again where it does not hold",
        arguments: [true, false])
    func pooled(isTransaction: Bool) async throws {
        try await Bench.with(Self.fact, through: .pooler, limit: 1) { database async throws in
            #expect(try await Self.learn(database, isTransaction: isTransaction) == ("one", true))
            #expect(try await Self.learn(database, isTransaction: isTransaction) == ("one", false))
            try await database.execute("UPDATE fact SET value = 'two'")
            #expect(await failure { try await Self.learn(database, isTransaction: isTransaction) }?.sqlState == "22012")
            #expect(try await Self.learn(database, isTransaction: isTransaction) == ("two", true))
        }
    }

    @Test("what a transaction's body refuses fails the transaction, although the body goes on")
    func refusal() async throws {
        struct Refusal: Error {}
        try await Bench.with(Self.fact, limit: 1) { database async throws in
            for isTransaction in [true, false] {
                await #expect(throws: Refusal.self) {
                    try await database.perform(isTransaction: isTransaction, within: nil) { session in
                        session.refuse(Refusal())
                        session.pipeline("UPDATE fact SET value = 'two'")
                    }
                }
            }
            #expect(try await database.one(Self.ask, as: String.self) == "one")
        }
    }
}
