import Foundation
import MessageQueue
import NIOHTTP1
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

    @Test("by its key all of a crowd of messages is found, the newest first, page by page, each on one page")
    func crowdOfOneKey() async throws {
        try await Desk.with { desk async throws in
            let queue = Queue<String>("payment")
            let crowd = (0..<250).map { Outgoing("\($0)", key: "hot") }
            let last = Outgoing("x", key: "hot")
            try await desk.broker.send(crowd, to: queue)
            try await desk.broker.send([last], to: queue)
            let first = try await desk.page("/messages?q=hot")
            #expect(first.contains("Everything with id or key hot, the newest first"))
            let link = try #require(first.firstMatch(of: /href="([^"]*past=200)">Look further back</)?.output.1)
            let second = try await desk.page(String(link).replacing("&amp;", with: "&"))
            #expect(second.contains("That is all there is.") && !second.contains("Look further back"))
            let (newest, older) = (Self.messages(on: first), Self.messages(on: second))
            #expect(newest.count == 200 && older.count == 51 && newest.first == "\(last.id)")
            #expect(Set(newest + older) == Set((crowd + [last]).map { "\($0.id)" }))
            for past in ["0", "-1"] { #expect(try await desk.page("/messages?q=hot&past=\(past)").contains(link)) }
            #expect(try await desk.send(.GET, "/messages?q=hot&past=x").status == 400)
            #expect(try await desk.page("/messages/\(last.id)").contains("among the latest 200 attempts of its key"))
        }
    }

    /// In their order.
    private static func messages(on page: String) -> [String] {
        page.matches(of: /href="\/messages\/([0-9a-f-]{36})"/).map { String($0.output.1) }
    }

    @Test("a message of more attempts than its page shows says so, and leads to the others")
    func manyAttempts() async throws {
        try await Desk.with { desk async throws in
            let message = Outgoing("x", key: "order-1")
            try await desk.broker.send([message], to: Queue<String>("payment"))
            #expect(try await desk.page("/messages/\(message.id)").contains("Every attempt"))
            try await desk.database.execute(
                """
                INSERT INTO mq.dead_letters (queue, attempts, id, sent_at, reason, key, body)
                    SELECT queue, 1, id, sent_at, 'r', key, body FROM mq.messages, generate_series(1, 200)
                """)
            let page = try await desk.page("/messages/\(message.id)")
            #expect(page.contains("The latest 200 attempts") && !page.contains("Every attempt"))
            #expect(page.contains("href=\"/messages?q=\(message.id)\">Look further back<"))
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
