import MessageQueue
import Postgres
import TestSupport
import Testing

extension DeskTests {
    @Test("a dead letter's page tells what became of each attempt, also once the log has dropped them")
    func keptAttempts() async throws {
        try await Desk.with { desk async throws in
            try await desk.kill(1, error: "the carrier is <away>")
            let message = try #require(try await desk.broker.deadLetters().first).message.id
            try await desk.database.execute("DELETE FROM mq.messages")
            let page = try await desk.page("/messages/\(message)")
            #expect(page.contains("What became of it, kept with the letter"))
            let kept = try #require(page.split(separator: "kept with the letter").last)
            #expect(kept.contains(">dead<") && kept.contains("the carrier is &lt;away&gt;"))
            try await desk.broker.send([Outgoing("x", key: "order-9")], to: Queue<String>("payment"))
            let other = try #require(try await desk.broker.trace("order-9").first).message
            #expect(try await !desk.page("/messages/\(other)").contains("kept with the letter"))
        }
    }
}
