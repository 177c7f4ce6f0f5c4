import Postgres
import TestSupport
import Testing

@testable import ShoeShop

@Suite("Orders are found, however many came after them")
struct OrderSearchTests {
    @Test(
        "an order is found by its customer's whole address at once, beyond all that a page looks at",
        arguments: ["ada@example.com", "ADA@Example.COM"])
    func address(text: String) async throws {
        try await Self.withOrders(12_000) { database in
            let page = try await OrderReader(database).latest(text: text)
            #expect(page.orders.map(\.email) == ["Ada@example.com", "Ada@example.com"] && page.next == nil)
            #expect(page.orders.map(\.id) == page.orders.map(\.id).sorted(by: >))
            #expect(try await OrderReader(database).latest(status: "paid", text: text).orders.isEmpty)
        }
    }

    @Test("the orders of one customer are paged, each shown once, and others stay out")
    func pagesOfACustomer() async throws {
        try await Self.withOrders(6000) { database in
            let reader = OrderReader(database)
            var (shown, next): ([OrderID], OrderID?) = ([], nil)
            repeat {
                let page = try await reader.latest(before: next, text: "others@example.com", limit: 4999)
                #expect(page.orders.allSatisfy { $0.email == "others@example.com" })
                shown += page.orders.map(\.id)
                next = page.next
            } while next != nil
            #expect(shown.count == 6000 && shown == shown.sorted(by: >) && Set(shown).count == 6000)
        }
    }

    @Test("a search for a part goes on where it left off, page by page, until it has looked at all orders")
    func parts() async throws {
        try await Self.withOrders(12_000) { database in
            let reader = OrderReader(database)
            for text in ["lovelace", "ada@ex"] {
                let first = try await reader.latest(text: text)
                #expect(first.orders.isEmpty && first.next != nil)
                let second = try await reader.latest(before: first.next, text: text)
                #expect(second.orders.isEmpty && second.next != nil)
                let third = try await reader.latest(before: second.next, text: text)
                #expect(third.orders.count == 2 && third.next == nil)
            }
            let full = try await reader.latest(limit: 50)
            #expect(full.orders.count == 50 && full.next == full.orders.last?.id)
        }
    }

    @Test("a page that is full and has shown the last order leads nowhere")
    func end() async throws {
        try await Self.withOrders(1) { database in
            let page = try await OrderReader(database).latest(limit: 3)
            #expect(page.orders.count == 3 && page.next == nil)
        }
    }

    @Test("an address is looked up along its index, also where the statistics take every address for a common one")
    func plan() async throws {
        try await Self.withOrders(20_000) { database in
            try await database.script("ANALYZE orders.orders")
            let looks = try await Self.genericPlan(in: database).filter { $0.contains(" on orders o") }
            let byAddress = looks.count { $0.contains("using orders_email") }
            let byID = looks.count { $0.contains("using orders_pkey") }
            #expect(byAddress == 2 && byID == 1 && looks.count == 3, "\(looks)")
        }
    }

    private static func genericPlan(in database: Database) async throws -> [String] {
        let prepare = """
            SET LOCAL plan_cache_mode = force_generic_plan;
            PREPARE one (uuid, text, text, bigint, bigint) AS \(OrderReader.search.sql)
            """
        return try await database.write { session in
            try session.script(prepare)
            return try session.query("EXPLAIN (COSTS OFF) EXECUTE one (NULL, NULL, 'x', 50, 5000)") { row in
                try row[0, as: String.self]
            }
        }
    }

    /// Two orders of Ada Lovelace, and so many of others after them.
    private static func withOrders(
        _ others: Int, _ body: @Sendable (Database) async throws -> Void
    ) async throws {
        try await TestDatabase.with(.openShop) { database in
            try await database.execute(
                """
                INSERT INTO orders.orders (id, customer_name, customer_email, recipient, street, city, postcode, country)
                SELECT ('01a22919-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
                    CASE WHEN n < 2 THEN 'Ada Lovelace' ELSE 'Somebody else' END,
                    CASE WHEN n < 2 THEN 'Ada@example.com' ELSE 'others@example.com' END, '', '', '', '', ''
                FROM generate_series(0, $1::int + 1) AS n
                """, Int32(others))
            try await body(database)
        }
    }
}
