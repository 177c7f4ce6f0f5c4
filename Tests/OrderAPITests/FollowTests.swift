import AsyncHTTPClient
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

extension OrderAPITests {
    @Suite("timelines that every device follows")
    struct FollowTests {
        @Test("a customer sees the events of all own orders, each at the next place, and nobody else's")
        func places() async throws {
            try await API.with { api async throws in
                let first = try await api.order()
                let token = try first.customerToken()
                let other = try await api.order()
                let second = try await api.order(as: token)
                #expect(second.header("Customer-Token").isEmpty, "it is told once")
                let events = try await api.events(token)
                #expect(events.map(\.place) == [1, 2])
                #expect(events.map(\.order) == [try first.orderID(), try second.orderID()])
                #expect(try await api.events(try other.customerToken()).map(\.order) == [try other.orderID()])
                #expect(try await api.events(token, "?after=1").map(\.place) == [2])
                for wrong in ["", "x", String(token.reversed()), token + "x"] {
                    let headers = HTTPHeaders([("Authorization", "Bearer \(wrong)")])
                    #expect(try await api.send(.GET, "/customers/me/events", nil, headers).status == 401, "\(wrong)")
                }
                let kept = try await api.database.query(
                    "SELECT count(*) FROM orders.customers WHERE token_hash = $1", Bytes(Array(token.utf8))
                ) {
                    try $0[0, as: Int.self]
                }
                #expect(kept == [0], "only the hash is kept")
            }
        }

        @Test("who repeats a request whose answer was lost, with the token that its client chose, is its customer")
        func chosenToken() async throws {
            let log = "/tmp/shoeshop-api-\(UUID().uuidString).log"
            defer { try? FileManager.default.removeItem(atPath: log) }
            let (token, other) = (CustomerToken.random().text, CustomerToken.random().text)
            try await TestDatabase.withShop { database in
                try await API.with(database, log: log) { api async throws in
                    let first = try await api.order(showing: token, key: "lost")
                    let again = try await api.order(showing: token, key: "lost")
                    #expect(again.status == 202 && again.body == first.body)
                    for answer in [first, again] { #expect(answer.header("Customer-Token") == [token]) }
                    let stranger = try await api.order(showing: other, key: "lost")
                    #expect(stranger.body == first.body && stranger.header("Customer-Token").isEmpty)
                    let nobodys = HTTPHeaders([("Authorization", "Bearer \(other)")])
                    #expect(try await api.send(.GET, "/customers/me/events", nil, nobodys).status == 401)
                    let second = try await api.order(showing: token, key: nil)
                    #expect(second.header("Location").allSatisfy { !$0.contains(token) })
                    #expect(try await api.events(token).map(\.place) == [1, 2])
                }
            }
            let told = try String(contentsOfFile: log, encoding: .utf8)
            #expect(told.contains("listening") && !told.contains(token) && !told.contains(other))
        }

        @Test("first orders of one chosen token that come all at once, by two processes, make one customer")
        func chosenAtOnce() async throws {
            try await API.with { api async throws in
                try await API.with(api.database) { other in
                    let token = CustomerToken.random().text
                    let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                        for number in 0..<40 {
                            let door = number.isMultiple(of: 2) ? api : other
                            group.addTask { try await door.order(showing: token, key: nil) }
                        }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    #expect(answers.allSatisfy { $0.status == 202 && $0.header("Customer-Token") == [token] })
                    #expect(try await api.events(token).map(\.place) == Array(1...40))
                    #expect(try await api.database.count("SELECT count(*) FROM orders.customers") == 1)
                }
            }
        }

        @Test("a token that could be guessed, or comes with somebody's, is refused, and nothing is stored")
        func refusedTokens() async throws {
            try await API.with { api async throws in
                for wrong in ["", "x", String(repeating: "a", count: 43), CustomerToken.random().text + "x"] {
                    let answer = try await api.order(showing: wrong, key: nil)
                    #expect(answer.status == 400, "\(wrong)")
                    #expect(wrong.count < 43 || !answer.text.contains(wrong))
                }
                let both = [("Authorization", "Bearer \(CustomerToken.random().text)")]
                #expect(try await api.order(showing: CustomerToken.random().text, key: nil, both).status == 400)
                #expect(try await api.database.orderCount() == 0)
            }
        }

        @Test("whoever waits is answered as soon as something happens, and with nothing when nothing does")
        func waiting() async throws {
            try await API.with { api async throws in
                let order = try await api.order()
                let (id, token) = (try order.orderID(), try order.customerToken())
                let none = try await api.events(token, "?after=1&wait=0.3")
                #expect(none.isEmpty)
                async let told = api.events(token, "?after=1&wait=30")
                try await api.isFollowed()
                try await api.happens(.priced, to: id)
                #expect(try await told.map(\.milestone) == ["priced"])
                async let toldOfOrder = api.get("/orders/\(id)/events?after=2&wait=30")
                try await api.isFollowed()
                try await api.happens(.paid, to: id)
                #expect(try await toldOfOrder.json([Event].self).map(\.place) == [3])
            }
        }

        @Test("a stream goes on where a device left it: nothing is missed, and nothing comes twice")
        func stream() async throws {
            try await API.with { api async throws in
                let order = try await api.order()
                let (id, token) = (try order.orderID(), try order.customerToken())
                #expect(try await api.stream(token, after: 0, count: 1) == [1])
                try await api.happens(.paid, to: id)
                async let told = api.stream(token, after: 1, count: 3)
                try await api.isFollowed()
                let second = try await api.order(as: token).orderID()
                try await api.happens(.paid, to: second)
                #expect(try await told == [2, 3, 4])
                #expect(try await api.stream(token, after: 2, count: 2) == [3, 4])
            }
        }

        @Test("what a server tells that was away for many looks, and counts its transactions anew, is not missed")
        func anotherServer() async throws {
            try await API.with { api async throws in
                let order = try await api.order()
                let (id, token) = (try #require(OrderID(try order.orderID())), try order.customerToken())
                async let told = api.stream(token, after: 1, count: 1)
                try await eventually("somebody looks for news") { try await !api.looks().isEmpty }
                // Nothing but looks for news reads this column, so that whoever follows can read what was.
                try await api.database.script("ALTER TABLE orders.events RENAME COLUMN written TO hidden")
                let before = try await api.looks()
                var failed: Set<String> = []
                try await eventually("several looks have failed") {
                    failed.formUnion(try await api.looks().subtracting(before))
                    return failed.count > 2
                }
                try await api.database.write { session in
                    try session.script("ALTER TABLE orders.events RENAME COLUMN hidden TO written")
                    OrderRecords.record([(id, TimelineEntry(.paid, at: Date()))], in: session)
                    try session.execute("UPDATE orders.events SET written = '3' WHERE place = 2")
                }
                #expect(try await told == [2])
            }
        }

        @Test("what a server tells that took the place of another one, and has never been away, is not missed")
        func silentSwitch() async throws {
            try await API.with { api async throws in
                let order = try await api.order()
                let (id, token) = (try #require(OrderID(try order.orderID())), try order.customerToken())
                let (seen, see) = AsyncStream.makeStream(of: Int64.self)
                async let told = api.stream(token, after: 0, count: 2) { see.yield($0) }
                for await place in seen where place == 1 { break }
                // The mark is there, and from before. Another server counts its transactions anew.
                try await api.database.write { session in
                    try session.execute("UPDATE mq.identity SET id = gen_random_uuid()")
                    OrderRecords.record([(id, TimelineEntry(.paid, at: Date()))], in: session)
                    try session.execute("UPDATE orders.events SET written = '3' WHERE place = 2")
                }
                #expect(try await told == [1, 2])
            }
        }

        @Test("a stream goes on after the later of the two places it is asked for; what is no place is refused")
        func laterPlace() async throws {
            try await API.with { api async throws in
                let order = try await api.order()
                let (id, token) = (try order.orderID(), try order.customerToken())
                for milestone in [Milestone.priced, .paid] { try await api.happens(milestone, to: id) }
                #expect(try await api.stream(token, after: 2, count: 1, "?after=1") == [3])
                #expect(try await api.stream(token, after: 0, count: 1, "?after=1") == [2])
                for place in ["x", "-1", "1.5"] {
                    for accept in ["text/event-stream", "application/json"] {
                        let answer = try await api.send(
                            .GET, "/customers/me/events", nil,
                            ["Authorization": "Bearer \(token)", "Accept": accept, "Last-Event-ID": place])
                        #expect(answer.status == 400, "\(place), \(accept)")
                    }
                }
            }
        }

        @Test("two processes and many followers: each is told of every event once, in order, over reconnections")
        func crowd() async throws {
            try await API.with { api async throws in
                try await API.with(api.database) { other in
                    let token = try await api.order().customerToken()
                    let total = 30
                    try await withThrowingTaskGroup(of: [Int64].self) { group in
                        for number in 0..<60 {
                            group.addTask {
                                var seen: [Int64] = []
                                while seen.count < total {
                                    // Each stays for a few events only, and comes again at the other one.
                                    let door = (number + seen.count).isMultiple(of: 2) ? api : other
                                    let few = min(1 + number % 7, total - seen.count)
                                    seen += try await door.stream(token, after: seen.last ?? 0, count: few)
                                }
                                return seen
                            }
                        }
                        for number in 1..<total {
                            _ = try await (number.isMultiple(of: 2) ? api : other).order(as: token)
                        }
                        for try await seen in group { #expect(seen == Array(1...Int64(total))) }
                    }
                }
            }
        }
    }
}

private struct Event: Decodable {
    let place: Int64
    let order: String
    let milestone: String
}

extension API {
    fileprivate func order(as token: String) async throws -> Answer {
        try await send(
            .POST, "/orders", Form.good, ["Content-Type": "application/json", "Authorization": "Bearer \(token)"])
    }

    fileprivate func order(
        showing token: String, key: String?, _ headers: [(String, String)] = []
    ) async throws -> Answer {
        let own = [("Content-Type", "application/json"), ("Customer-Token", token)]
        let named = key.map { [("Idempotency-Key", $0)] } ?? []
        return try await send(.POST, "/orders", Form.good, HTTPHeaders(own + named + headers))
    }

    fileprivate func events(_ token: String, _ query: String = "") async throws -> [Event] {
        let headers = HTTPHeaders([("Authorization", "Bearer \(token)")])
        return try await send(.GET, "/customers/me/events\(query)", nil, headers).json([Event].self)
    }

    /// When each connection last looked for news, and was answered.
    fileprivate func looks() async throws -> Set<String> {
        Set(
            try await database.query(
                """
                SELECT query_start::text FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'
                    AND application_name = 'order-api' AND query LIKE 'WITH look AS%'
                """
            ) { try $0[0, as: String.self] })
    }

    /// Returns once somebody follows: for nobody, nobody looks for news.
    fileprivate func isFollowed() async throws {
        let before = try await looks()
        try await eventually("somebody looks for news") { try await !looks().isSubset(of: before) }
    }

    /// What a step would do.
    fileprivate func happens(_ milestone: Milestone, to id: String) async throws {
        let order = try #require(OrderID(id))
        try await database.write { session in
            OrderRecords.record([(order, TimelineEntry(milestone, at: Date()))], in: session)
        }
    }

    /// The places of the next events of a stream.
    fileprivate func stream(
        _ token: String, after place: Int64, count: Int, _ query: String = "",
        onEvent: @Sendable (Int64) -> Void = { _ in }
    ) async throws -> [Int64] {
        var request = HTTPClientRequest(url: address + "/customers/me/events\(query)")
        request.headers = [
            "Authorization": "Bearer \(token)", "Accept": "text/event-stream", "Last-Event-ID": "\(place)",
        ]
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        var text = ""
        for try await bytes in response.body {
            text += String(buffer: bytes)
            let places = text.matches(of: /id: (\d+)\ndata: [^\n]*\n\n/).compactMap { Int64($0.output.1) }
            if let last = places.last { onEvent(last) }
            if places.count >= count { return Array(places.prefix(count)) }
        }
        throw NeverHappened(description: "the stream ended")
    }
}
