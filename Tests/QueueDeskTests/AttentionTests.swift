import MessageQueue
import Postgres
import TestSupport
import Testing

@testable import QueueDesk

@Suite("What needs a person")
struct AttentionTests {
    @Test("from when on nobody receives from a queue, and from when on one is behind, says the adopter")
    func limits() async throws {
        try await TestDatabase.with(.desk) { database in
            try await Self.fillWithOldMessages(database)
            let reading = try await Reading(of: Broker(database))
            var options = QueueDesk.Options(access: .loopback(as: "ada"))
            func told() -> String {
                Attention(reading, .init(options)).findings.map(\.text).joined(separator: "\n")
            }
            #expect(told().contains("nobody receives from refunds"))
            #expect(told().contains("stock is 10 min behind, and paused"), "it is the same for a minute")
            options.unattendedAfter = .seconds(3600)
            #expect(!told().contains("nobody receives") && told().contains("stock is 10 min"))
            options.behindAfter = .seconds(3600)
            #expect(!told().contains("behind"))
        }
    }

    /// One that is due for a minute and is moved by nobody, and one that has waited for ten in a queue that is paused.
    fileprivate static func fillWithOldMessages(_ database: Database) async throws {
        let broker = Broker(database)
        try await broker.send(Draft(body: Array("1".utf8), delay: .seconds(3600)), to: "refunds")
        try await broker.send(Draft(body: Array("1".utf8)), to: "stock")
        try await broker.pause("stock")
        try await database.script(
            """
            UPDATE mq.scheduled SET due_at = now() - interval '1 minute';
            UPDATE mq.messages_1 SET appended_at = now() - interval '10 minutes';
            """)
    }
}

extension DeskTests {
    @Test("from when on waiting messages need a person is a setting of the desk")
    func attentionSettings() async throws {
        let environment = ["UNATTENDED_AFTER": "2h", "BEHIND_AFTER": "5m"]
        try await Desk.with(environment, before: { try await AttentionTests.fillWithOldMessages($0) }) {
            desk async throws in
            let page = try await desk.page("/")
            #expect(page.contains("stock is 10 min") && !page.contains("nobody receives from"))
        }
    }
}
