import Foundation
import MessageQueue
import Postgres
import TestSupport
import Testing

@testable import ShoeShop

extension WholeShopTests {
    /// Each test begins with a shop whose business is done, and which balances.
    @Suite("the audit finds")
    struct AuditTests {
        /// What somebody did to our tables, and what the audit says.
        struct Tampering: CustomTestStringConvertible, Sendable {
            let testDescription: String
            let sql: String
            let book: Violation.Book
            let detail: String

            init(_ description: String, _ sql: String, _ book: Violation.Book, _ detail: String) {
                (testDescription, self.sql, self.book, self.detail) = (description, sql, book, detail)
            }
        }

        private static let dispatched = "(SELECT min(id::text)::uuid FROM orders.orders WHERE status = 'dispatched')"
        private static let refused = "(SELECT id FROM orders.orders WHERE rejection = 'undeliverable')"
        private static let declined = "(SELECT id FROM orders.orders WHERE rejection = 'declined')"
        private static let unchecked = "ALTER TABLE stock.items DROP CONSTRAINT every_pair_is_somewhere; "

        static let tamperings: [Tampering] = [
            .init(
                "a pair that vanished", unchecked + "UPDATE stock.items SET on_hand = on_hand - 1", .stock,
                "is not 20 delivered"),
            .init(
                "a pair that came from nowhere", unchecked + "UPDATE stock.items SET taken = taken + 1", .stock,
                "taken, but"),
            .init(
                "a pair that went back on the shelf after it was sold",
                "UPDATE stock.items SET on_hand = on_hand + 1, taken = taken - 1 WHERE taken > 0", .stock,
                "1 taken, but 2"),
            .init(
                "a pair that is reserved for nobody",
                "UPDATE stock.items SET on_hand = on_hand - 1, reserved = 1 WHERE on_hand > 1", .stock,
                "1 reserved, but 0"),
            .init(
                "less than nothing",
                "ALTER TABLE stock.items DROP CONSTRAINT items_on_hand_check; "
                    + "UPDATE stock.items SET on_hand = on_hand - 30, delivered = delivered - 30", .stock,
                "less than nothing"),
            .init("a lost reservation", "DELETE FROM stock.reservations WHERE state = 'taken'", .stock, "taken, but 0"),
            .init("a lost article", "DELETE FROM stock.items WHERE taken > 0", .stock, "taken, but"),
            .init(
                "a reservation that was undone by half",
                "UPDATE stock.reservations SET state = 'released' WHERE order_id = \(dispatched)", .stock, "taken, but"),
            .init(
                "a forgotten charge", "DELETE FROM payment.charges WHERE order_id = \(dispatched)", .money,
                "isn't in our books"),
            .init(
                "a charge over another amount",
                "UPDATE payment.charges SET amount_cents = amount_cents + 1 WHERE order_id = \(dispatched)", .money,
                "isn't in the provider's ledger"),
            .init(
                "a charge under another name",
                "UPDATE payment.charges SET charge_id = 'ch_x' WHERE order_id = \(dispatched)", .money,
                "isn't in the provider's ledger"),
            .init(
                "a charge that the provider doesn't know",
                """
                UPDATE payment.charges SET status = 'charged', charge_id = 'ch_x', decline_reason = NULL
                WHERE order_id = \(declined)
                """, .money, "isn't in the provider's ledger"),
            .init("a forgotten refund", "DELETE FROM payment.refunds", .money, "isn't in our books"),
            .init(
                "a refund that the provider doesn't know",
                "INSERT INTO payment.refunds VALUES (\(dispatched), 're_x', 'ch_x', 8490)", .money,
                "isn't in the provider's ledger"),
            .init(
                "a forgotten booking", "DELETE FROM logistics.bookings WHERE status = 'booked'", .parcels,
                "isn't in our books"),
            .init(
                "another tracking number",
                "UPDATE logistics.bookings SET tracking_number = 'X' WHERE order_id = \(dispatched)", .parcels,
                "isn't in the provider's ledger"),
            .init(
                "a booking that the carrier doesn't know",
                "INSERT INTO logistics.bookings VALUES (\(declined), 'booked', 'X', NULL)", .parcels,
                "isn't in the provider's ledger"),
            .init(
                "a missing order", "DELETE FROM orders.orders WHERE id = \(declined)", .orders,
                "accepted, but not in the database"),
            .init(
                "an order that stopped on its way",
                "UPDATE orders.orders SET status = 'priced' WHERE id = \(dispatched)", .orders, "it is only priced"),
            .init(
                "an order that is closed though it was never paid",
                """
                UPDATE orders.orders SET status = 'dispatched', rejection = NULL, rejection_detail = NULL
                WHERE id = \(declined)
                """, .orders, "it is not paid"),
            .init(
                "a rejected order that keeps its shoes",
                """
                UPDATE stock.reservations SET state = 'reserved' WHERE order_id = \(declined);
                UPDATE stock.items SET on_hand = on_hand - 1, reserved = reserved + 1 WHERE sku = 'RUNNER-42-TAN'
                """, .orders, "its shoes are not back on the shelf"),
            .init(
                "a rejected order that isn't refunded", "UPDATE orders.orders SET refunded_at = NULL", .orders,
                "it is not refunded"),
            .init(
                "a missing invoice", "DELETE FROM orders.invoices WHERE order_id = \(dispatched)", .orders,
                "it has no invoice"),
        ]

        @Test("the audit finds what was changed in our tables", arguments: tamperings)
        func tampered(_ tampering: Tampering) async throws {
            try await ClosedShop.with { shop in
                try await shop.database.script(tampering.sql)
                let violations = try await shop.audit().violations
                #expect(
                    violations.contains { $0.book == tampering.book && $0.detail.contains(tampering.detail) },
                    "\(violations)")
            }
        }

        @Test("the audit finds what was changed in the provider's ledgers: an entry too many, too few, or another one")
        func tamperedLedgers() async throws {
            try await ClosedShop.with { shop in
                #expect(try await shop.audit().violations == [])
                for (ledger, book) in [("charges", .money), ("refunds", .money), ("bookings", .parcels)]
                    as [(String, Violation.Book)]
                {
                    let changes: [(String, ([[String: Any]]) -> [[String: Any]])] = [
                        ("a repeated entry", { $0 + [$0[0].merging(["id": "x", "trackingNumber": "x"]) { $1 }] }),
                        ("a missing entry", { Array($0.dropFirst()) }),
                        ("a stranger's entry", { $0 + [$0[0].merging(["orderID": "\(OrderID.new())"]) { $1 }] }),
                        (
                            "another name",
                            { [$0[0].merging(["id": "x", "trackingNumber": "x"]) { $1 }] + $0.dropFirst() }
                        ),
                    ]
                    for (name, change) in changes {
                        let violations = try await shop.audit { try $0.changing(ledger, change) }.violations
                        #expect(violations.contains { $0.book == book }, "\(name) of \(ledger)")
                    }
                }
            }
        }

        @Test("the audit finds an order of which only others know that it was there")
        func unknownOrder() async throws {
            try await ClosedShop.with { shop in
                try await shop.database.script("DELETE FROM orders.orders WHERE status = 'dispatched'")
                let violations = try await shop.audit(accepted: []).violations
                #expect(violations.count { $0.book == .orders } == 2, "\(violations)")
            }
        }

        @Test(
            "the audit finds an accepted order whose message is gone, and not one whose message waits or is a dead letter"
        )
        func lostMessage() async throws {
            try await ClosedShop.with { shop in
                let broker = Broker(shop.database)
                let submissions = [Submission(draft: .good, key: nil, body: [])]
                _ = try await shop.database.write { try SubmitOrders(broker).commit(submissions, in: $0) }
                #expect(try await shop.audit().violations == [])

                try await shop.database.script(
                    """
                    INSERT INTO mq.dead_letters (queue, attempts, id, sent_at, reason, key, body)
                    SELECT queue, 1, id, now(), 'test', key, body FROM mq.messages ORDER BY id DESC LIMIT 1;
                    DELETE FROM mq.messages WHERE id = (SELECT id FROM mq.dead_letters)
                    """)
                let books = try await shop.audit()
                #expect(books.violations == [] && books.summary.dead == 1)

                _ = try await broker.purge()
                let after = try await shop.audit()
                #expect(after.violations.map(\.detail) == ["nothing drives it on: it is only received"])
                #expect(after.summary.lost == 1)
            }
        }

        @Test(
            "the audit has nothing to find where the database itself refuses: stock that is nowhere, a second charge, a second booking"
        )
        func refusedByTheDatabase() async throws {
            try await ClosedShop.with { shop async throws in
                for sql in [
                    "UPDATE stock.items SET on_hand = on_hand - 1",
                    "UPDATE stock.items SET reserved = reserved - 1, on_hand = on_hand + 1",
                    "INSERT INTO payment.charges SELECT * FROM payment.charges",
                    "INSERT INTO payment.refunds SELECT * FROM payment.refunds",
                    "INSERT INTO logistics.bookings SELECT * FROM logistics.bookings",
                    "INSERT INTO stock.reservations SELECT * FROM stock.reservations",
                    "UPDATE orders.orders SET status = 'rejected' WHERE status = 'dispatched'",
                ] {
                    await #expect(throws: PostgresError.self, "\(sql)") { try await shop.database.script(sql) }
                }
                #expect(try await shop.audit().violations == [])
            }
        }
    }
}
