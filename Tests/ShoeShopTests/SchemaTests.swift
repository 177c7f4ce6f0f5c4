import Postgres
import ShoeShop
import TestSupport
import Testing

@Suite("The shop's schema moves in where it may, and only there")
struct SchemaTests {
    @Test("engine and shop applied with psql are recorded, and a migrator finds nothing left to do but their checksums")
    func byHand() async throws {
        try await TestDatabase.with(.empty) { database in
            try await Psql.apply("message-queue/0001_message_queue.sql", to: database)
            try await Psql.apply("shoe-shop/0001_shoe_shop.sql", to: database)
            try await Migrator.shop.verify(on: database)
            #expect(try await Migrator.shop.run(on: database) == [])
            let checksums = try await database.query(
                "SELECT checksum FROM mq.migrations UNION ALL SELECT checksum FROM shop.migrations"
            ) { try $0[0, as: String.self] }
            #expect(checksums == Migrator.shop.lines.flatMap(\.migrations).map(\.checksum))
        }
    }

    @Test("the tables take no number of which sums could be too large for the shop")
    func bounds() async throws {
        try await TestDatabase.with(.openShop) { database in
            for sql in [
                "UPDATE orders.products SET price_cents = 9223372036854775807",
                "UPDATE orders.products SET price_cents = 100000001",
                "INSERT INTO orders.order_lines VALUES (gen_random_uuid(), 1, 'A-1', 1001, 100)",
                "INSERT INTO orders.order_lines VALUES (gen_random_uuid(), 1, 'A-1', 1, 9223372036854775807)",
            ] {
                let error = await #expect(throws: PostgresError.self) { try await database.script(sql) }
                #expect(error?.isCheckViolation == true, "\(sql)")
            }
        }
    }

    @Test(
        "a schema of the same name that holds somebody else's things is refused by name, and nothing of the shop is made",
        arguments: [
            "CREATE TABLE payment.terms (days int)", "CREATE TYPE payment.kind AS ENUM ('cash')",
            "CREATE FUNCTION payment.due() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        ])
    func foreign(_ thing: String) async throws {
        try await TestDatabase.with(.empty) { database in
            try await database.script("CREATE SCHEMA payment; \(thing)")
            let error = await #expect(throws: Migrator.Problem.self) { try await Migrator(.shop).run(on: database) }
            #expect("\(try #require(error))".contains("the schema payment is there already"))
            let made = try await database.query("SELECT FROM pg_namespace WHERE nspname IN ('orders', 'shop')") { _ in
                true
            }
            #expect(made.isEmpty)
        }
    }
}
