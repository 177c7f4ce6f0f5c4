import Foundation
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

    @Test("a message is found by its id as clients of MNS and RocketMQ are told it: 32 digits in upper case")
    func foundByDigits() async throws {
        try await Desk.with { desk async throws in
            try await desk.kill(1)
            let message = try #require(try await desk.broker.deadLetters().first).message.id
            let digits = message.description.replacing("-", with: "").uppercased()
            #expect(try await desk.page("/messages?q=\(digits)").contains("/messages/\(message)"))
            #expect(try await desk.page("/messages/\(digits)").contains("Message \(message)"))
            #expect(try await desk.page("/dead?message=\(digits)").contains("the card is away"))
            let counted = try await desk.counted()
            #expect(try await desk.post("/dead/redrive", "message=\(digits)&\(counted)&sure=yes").status == 303)
        }
    }

    @Test("a key with capitals is found by the search form, also where it could be an id")
    func keysWithCapitals() async throws {
        try await Desk.with { desk async throws in
            for key in ["ORDER-7", UUID().uuidString] {
                try await desk.broker.send([Outgoing("x", key: key)], to: Queue<String>("payment"))
                let page = try await desk.page("/messages?q=\(key)")
                #expect(page.contains(">\(key)</a>") && page.contains("href=\"/timeline?key=\(key)\""), "\(key)")
                #expect(try await desk.page("/timeline?key=\(key)").contains(">\(key)</a>"), "\(key)")
            }
        }
    }

    @Test("a body in JSON is shown with the names in their order and the numbers in their digits")
    func bodyAsSent() async throws {
        try await Desk.with { desk async throws in
            let (id, body) = (MessageID(), #"{"total":1.50,"id":12345678901234567890123,"big":1e300,"a":{}}"#)
            try await desk.broker.send(Draft(body: Array(body.utf8), id: id), to: "refunds")
            let page = try await desk.page("/messages/\(id)").replacing("&quot;", with: "\"")
            let lines = ["{", #"  "total": 1.50,"#, #"  "id": 12345678901234567890123,"#]
            #expect(page.contains(lines.joined(separator: "\n")), "\(page)")
        }
    }
}
