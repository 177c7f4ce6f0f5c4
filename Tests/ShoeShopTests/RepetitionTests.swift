import MessageQueue
import MessageQueueTesting
import Postgres
import Testing

@testable import ShoeShop

extension WholeShopTests {
    @Suite("repeated, late and competing messages")
    struct RepetitionTests {
        @Test("every message of every order, handled a second time, changes nothing in the database or the ledgers")
        func repeated() async throws {
            try await Rig.with { rig in
                let ids = try await rig.submit([
                    .good, .of([(.many, 3)]), .of([(.last, 5)]), .of([("GHOST-1", 1)]), .of(token: "tok_declined"),
                    .undeliverable,
                ])
                try await rig.working { try await $0.untilDrained() }
                let before = try await rig.fingerprint()
                let ledgers = try await rig.sandbox.documents()

                let messages = try await rig.count("SELECT count(*) FROM mq.messages WHERE attempt = 1")
                #expect(messages > 25)
                try await rig.database.execute(
                    """
                    INSERT INTO mq.scheduled (due_at, queue, attempt, id, sent_at, topic, key, tag, headers, body)
                    SELECT now(), queue, 1, gen_random_uuid(), sent_at, topic, key, tag, headers, body
                    FROM mq.messages WHERE attempt = 1
                    """)
                try await rig.working { try await $0.untilDrained() }

                #expect(try await rig.count("SELECT count(*) FROM mq.completions") >= messages * 2)
                #expect(try await rig.count("SELECT count(*) FROM mq.dead_letters") == 0)
                #expect(try await rig.fingerprint() == before)
                let again = try await rig.sandbox.documents()
                #expect(again.payment == ledgers.payment && again.logistics == ledgers.logistics)
                try await rig.expectBalance(ids)
            }
        }

        @Test("a release that overtakes its reservation forestalls it")
        func releaseFirst() async throws {
            try await Rig.with { rig in
                let id = try await rig.submit([.good])[0]
                try await rig.broker.send(
                    [Outgoing(OrderReference(orderID: id), key: "\(id)")], to: Workflow.stockRelease)
                let release = try await rig.test.handle(with: ReleaseStock(rig.shop))
                #expect(release.map(\.outcome) == [.done])
                try await rig.test.drain(rig.steps).requireAllDone()
                #expect(try await rig.test.sent(to: Workflow.payment).isEmpty)
                #expect(try await rig.stock(.many) == [20, 0, 0])
                #expect(try await rig.sandbox.ledgers().charges.isEmpty)
            }
        }

        @Test("200 buyers for 20 pairs, two workers: 20 are served, nobody pays for nothing, and every audit balances")
        func lastPairs() async throws {
            try await Rig.with { rig in
                var ids: [OrderID] = []
                for _ in 0..<10 { ids += try await rig.submit(Array(repeating: .good, count: 20)) }
                let buyers = ids
                try await rig.working { first in
                    try await rig.working { second in
                        try await first.until {
                            // Books that balance only at the end would hide what happens between.
                            try await rig.expectBalance(buyers)
                            return try await Books.summary(rig.database, accepted: buyers).isDrained
                        }
                        try await second.untilDrained()
                    }
                }
                let summary = try await Books.summary(rig.database, accepted: ids)
                #expect(summary.delivered == 20 && summary.rejected == ["out-of-stock": 180])
                #expect(try await rig.stock(.many) == [0, 0, 20])
                let ledgers = try await rig.sandbox.ledgers()
                #expect(ledgers.charges.count == 20 && ledgers.bookings.count == 20 && ledgers.refunds.isEmpty)
                try await rig.expectBalance(ids)
            }
        }

        @Test("a message about an order that nobody accepted becomes a dead letter that says so")
        func unknownOrder() async throws {
            try await Rig.with { rig in
                let stranger = OrderID.new()
                let event = OrderEvent.rejected(
                    OrderRejected(orderID: stranger, reason: .declined, detail: "x", at: Story.time(0)))
                try await rig.broker.send([Outgoing(event, key: "\(stranger)")], to: Workflow.orderStatus)
                let id = try await rig.submit([.good])[0]
                try await rig.working { try await $0.untilDrained() }
                let letters = try await rig.broker.deadLetters()
                #expect(letters.map(\.reason) == ["unknown-order"] && letters[0].attempts == 1)
                #expect(try await rig.order(id).status == "dispatched")
            }
        }
    }
}

extension Rig {
    /// All business tables, as one number.
    fileprivate func fingerprint() async throws -> String {
        try await database.query(
            """
            SELECT md5(string_agg(t, '' ORDER BY t)) FROM (
                SELECT o::text AS t FROM orders.orders o UNION ALL SELECT l::text FROM orders.order_lines l
                UNION ALL SELECT e::text FROM orders.events e UNION ALL SELECT v::text FROM orders.invoices v
                UNION ALL SELECT i::text FROM stock.items i UNION ALL SELECT r::text FROM stock.reservations r
                UNION ALL SELECT c::text FROM payment.charges c UNION ALL SELECT f::text FROM payment.refunds f
                UNION ALL SELECT b::text FROM logistics.bookings b) AS everything
            """
        ) { try $0[0, as: String.self] }[0]
    }
}
