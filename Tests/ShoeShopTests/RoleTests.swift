import Foundation
import MessageQueue
import Postgres
import TestSupport
import Testing

@testable import ShoeShop

extension WholeShopTests {
    @Suite("The shop under a worker's role, which owns nothing and may change no schema")
    struct RoleTests {
        /// An open shop that belongs to a role, and a rig that works as another.
        private func asWorker(_ body: @escaping @Sendable (_ admin: Database, Rig) async throws -> Void) async throws {
            try await TestDatabase.with(.openShop) { admin in
                try await TestRole.named(2, in: admin) { names in
                    try await Roles(owner: names[0], worker: names[1]).assign(Migrator.shop.lines, in: admin)
                    try await TestRole.connected(as: names[1], to: admin) { worker in
                        try await Rig.with(worker) { try await body(admin, $0) }
                    }
                }
            }
        }

        @Test(
            "under a worker's role orders go every way that there is: dispatched, declined, undeliverable, refunded, cancelled"
        )
        func everyWay() async throws {
            try await asWorker { _, rig in
                let drafts: [OrderDraft] = [
                    .good, .of([(.last, 3)]), .of(token: "tok_insufficient_funds"), .undeliverable,
                    .of([("GHOST-1", 1)]),
                ]
                let orders = try await rig.submit(drafts + [OrderDraft.good])
                let cancelled = try await rig.database.write {
                    try CancelOrder(rig.broker).commit(orders[5], in: $0)
                }
                #expect(cancelled == .asked)
                try await rig.working { try await $0.untilDrained() }
                var ends: [String] = []
                for order in orders { ends.append(try await rig.order(order).status) }
                #expect(ends.prefix(5) == ["dispatched", "rejected", "rejected", "rejected", "rejected"])
                #expect(["cancelled", "dispatched"].contains(ends[5]), "whichever was first")
                #expect(try await rig.sandbox.ledgers().refunds.count >= 1)
                #expect(try await rig.broker.deadLetters().isEmpty)
                try await rig.expectBalance(orders)
            }
        }

        @Test(
            "a worker's role can neither change the shop's schemas, nor what was decided, nor prices, nor what is none of its business"
        )
        func nothingElse() async throws {
            try await TestDatabase.with(.openShop) { admin in
                try await admin.script("CREATE TABLE public.salaries (n int)")
                try await TestRole.named(2, in: admin) { names in
                    try await Roles(owner: names[0], worker: names[1]).assign(Migrator.shop.lines, in: admin)
                    try await TestRole.connected(as: names[1], to: admin) { worker in
                        for statement in Self.forbidden {
                            let error = await #expect(throws: PostgresError.self) { try await worker.script(statement) }
                            #expect(error?.sqlState == "42501", "\(statement): \(error?.message ?? "")")
                        }
                    }
                }
            }
        }

        private static let forbidden = [
            "CREATE TABLE orders.mine (n int)", "CREATE SCHEMA mine", "DROP TABLE orders.orders",
            "DROP SCHEMA payment CASCADE",
            "ALTER TABLE stock.items DROP CONSTRAINT every_pair_is_somewhere",
            "ALTER TABLE orders.orders ADD COLUMN mine int",
            "CREATE INDEX ON orders.orders (city)",
            "CREATE TRIGGER mine BEFORE INSERT ON orders.orders EXECUTE FUNCTION mq.tally()",
            "TRUNCATE orders.orders", "DELETE FROM orders.orders", "DELETE FROM stock.items",
            "DELETE FROM payment.charges",
            "UPDATE orders.products SET price_cents = 1",
            "INSERT INTO orders.products SELECT * FROM orders.products",
            "INSERT INTO stock.items SELECT * FROM stock.items", "UPDATE payment.charges SET amount_cents = 1",
            "UPDATE payment.refunds SET amount_cents = 1", "UPDATE logistics.bookings SET tracking_number = ''",
            "UPDATE orders.invoices SET html = ''", "UPDATE orders.events SET at = now()",
            "DELETE FROM shop.migrations",
            "INSERT INTO shop.migrations VALUES ('shoe-shop', 2, '', 1)", "SELECT shop.give_to(current_user)",
            "CREATE FUNCTION shop.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "SELECT * FROM public.salaries",
            "ALTER ROLE CURRENT_USER CREATEROLE",
        ]
    }
}
