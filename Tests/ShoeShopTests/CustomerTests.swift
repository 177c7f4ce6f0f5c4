import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

@Suite("Customers")
struct CustomerTests {
    @Test("orders that show one token are one customer's, in one transaction or in several, each at the next place")
    func oneToken() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            let (token, other) = (CustomerToken.random(), CustomerToken.random())
            for group in [[token, token, other], [other, token]] {
                let submissions = group.map {
                    Submission(draft: .good, key: nil, body: [], submitter: .showing($0))
                }
                _ = try await database.write { try SubmitOrders(broker).commit(submissions, in: $0) }
            }
            let reader = TimelineReader(database)
            for (token, count) in [(token, 3), (other, 2)] {
                let customer = try #require(try await reader.customer(with: token))
                let events = try await reader.events(of: customer, after: 0)
                #expect(events.map(\.place) == Array(1...Int64(count)))
                for event in events { #expect(try await reader.isOrder(event.order, of: token)) }
            }
            #expect(try await reader.customer(with: .random()) == nil)
        }
    }

    @Test("a server that logs statements with what they bring along logs no token of a customer")
    func logged() async throws {
        try await OwnServer.with { server in
            let before = Database(server.conninfo)
            try await Template.openShop.prepare(before)
            try await before.script("ALTER DATABASE shoeshop SET log_min_duration_statement = 0")
            await before.close()
            let database = Database(server.conninfo)
            let (chosen, given) = (CustomerToken.random(), CustomerToken.random())
            let submissions = [Submitter.showing(chosen), .new(.new(), given)].map {
                Submission(draft: .good, key: nil, body: [], submitter: $0)
            }
            let broker = Broker(database)
            let outcomes = try await database.write { try SubmitOrders(broker).commit(submissions, in: $0) }
            #expect(outcomes.count == 2)
            let reader = TimelineReader(database)
            for case .accepted(let order) in outcomes.prefix(1) {
                #expect(try await reader.isOrder(order, of: chosen))
            }
            #expect(try await reader.customer(with: given) != nil)
            _ = try await database.query("SELECT $1::text", "what it brings along") { try $0[0, as: String.self] }
            await database.close()
            let log = try server.log
            #expect(log.contains("orders.customers") && log.contains("what it brings along"))
            for token in [chosen, given] { #expect(!log.contains(token.text)) }
        }
    }

    @Test("a text is a token that has 43 letters and digits, and not a few of them over and over")
    func tokens() {
        #expect((0..<1000).allSatisfy { _ in CustomerToken(CustomerToken.random().text) != nil })
        let good = CustomerToken.random().text
        let few = String(String(repeating: "abcdefghijklmno", count: 3).prefix(43))
        let wrong = [
            "", good + "x", String(good.dropLast()), String(good.dropLast()) + "-", String(good.dropLast()) + "ä",
            String(repeating: "a", count: 43), few,
        ]
        for text in wrong { #expect(CustomerToken(text) == nil, "\(text)") }
    }
}
