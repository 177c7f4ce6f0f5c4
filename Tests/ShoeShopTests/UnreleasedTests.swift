import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

@Suite("A shop that was opened before the first release is brought over")
struct UnreleasedTests {
    private static let schemas = ["mq", "shop", "orders", "stock", "payment", "logistics", "public"]

    private static let content = """
        INSERT INTO orders.products VALUES ('boot-42', 'Boot', 'brown', 42, 9900);
        INSERT INTO orders.orders (id, customer_name, customer_email, recipient, street, city, postcode, country, cancel_asked_at)
            SELECT gen_random_uuid(), 'Ada', 'ada@example.com', 'Ada', 'Street 1', 'Town', '1', 'DE', now() FROM generate_series(1, 3);
        INSERT INTO orders.order_lines SELECT id, 1, 'boot-42', 2, 9900 FROM orders.orders;
        INSERT INTO orders.events SELECT id, 'received', now(), NULL FROM orders.orders;
        INSERT INTO orders.invoices SELECT id, id::text, now(), '<p>' FROM orders.orders;
        INSERT INTO orders.idempotency_keys SELECT id::text, 'hash', id FROM orders.orders;
        INSERT INTO stock.items (sku, delivered, on_hand, reserved) VALUES ('boot-42', 10, 4, 6);
        INSERT INTO stock.reservations SELECT id, 'reserved', '{boot-42}', '{2}' FROM orders.orders;
        INSERT INTO payment.charges SELECT id, 'charged', 19800, id::text FROM orders.orders;
        INSERT INTO payment.refunds SELECT id, id::text, id::text, 19800 FROM orders.orders LIMIT 1;
        INSERT INTO payment.calls SELECT id, 1 FROM orders.orders;
        INSERT INTO logistics.calls SELECT id, 0, now() FROM orders.orders;
        INSERT INTO logistics.bookings SELECT id, 'booked', id::text FROM orders.orders;
        """

    private static let counts: Statement = """
        SELECT concat_ws(' ', (SELECT count(*) FROM orders.products),
            (SELECT count(*) FROM orders.orders WHERE cancel_asked_at IS NOT NULL),
            (SELECT count(*) FROM orders.order_lines), (SELECT count(*) FROM orders.events), (SELECT count(*) FROM orders.invoices),
            (SELECT count(*) FROM orders.idempotency_keys), (SELECT sum(on_hand) FROM stock.items),
            (SELECT count(*) FROM stock.reservations), (SELECT count(*) FROM payment.charges), (SELECT count(*) FROM payment.refunds),
            (SELECT count(*) FROM payment.calls WHERE calls = 1), (SELECT count(*) FROM logistics.calls WHERE calls = 0),
            (SELECT count(*) FROM logistics.bookings))
        """

    @Test(
        "an unreleased shop that is brought over has all its rows and the schema of a fresh one, and the old record is gone"
    )
    func bringOver() async throws {
        let migrator = Migrator.shop
        try await TestDatabase.with(.empty) { database in
            try await UnreleasedSchema.install(in: database)
            try await database.script(Self.content)
            let before = try await database.query(Self.counts) { try $0[0, as: String.self] }
            #expect(try await migrator.run(on: database) == ["0001_message_queue", "0001_shoe_shop"])
            #expect(try await database.query(Self.counts) { try $0[0, as: String.self] } == before)
            let moved = try await database.description(of: Self.schemas)
            let fresh = try await TestDatabase.with(.empty) { fresh in
                try await migrator.run(on: fresh)
                return try await fresh.description(of: Self.schemas)
            }
            #expect(moved == fresh)
        }
    }

}
